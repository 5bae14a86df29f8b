/** The command with which the agent asks for the token and writes what it needs. */
export const agentCommand = (origin: string): string => `sudo flextraff-agent enroll --server ${origin}`;

/** The command that spends a token without the agent. The token goes by standard input: other users of the machine see arguments. */
export const enrolCommand = (origin: string, token: string): string =>
  `curl -X POST ${origin}/api/devices/enroll -H "Content-Type: application/json" -d @- <<< '${JSON.stringify({ token })}'`;
