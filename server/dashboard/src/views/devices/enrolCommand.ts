/** The command that spends a token on the machine itself. The token goes by standard input: other users of the machine see arguments. */
export const enrolCommand = (origin: string, token: string): string =>
  `curl -X POST ${origin}/api/devices/enroll -H "Content-Type: application/json" -d @- <<< '${JSON.stringify({ token })}'`;
