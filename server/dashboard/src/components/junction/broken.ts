import { ProblemError } from '@/api/problem';

/** What the server says of a thing with a name, such as `stage "N"`: the sentences that name it. */
export function brokenOf(error: unknown, kind: string, name: string): string | undefined {
  if (!(error instanceof ProblemError) || name === '') return undefined;
  const told = error.fields.filter(({ message }) => message.includes(`${kind} "${name}"`));
  return told.length === 0 ? undefined : told.map(({ message }) => message).join('\n');
}
