/** New values of a line of the audit log as `name: value`, in one line a value; nested ones as JSON. */
export function detailLines(detail: unknown): string[] {
  if (typeof detail !== 'object' || detail === null) return [];
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]: [string, unknown]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What was acted on, short enough for a column, and in full: of an id the name of the junction, or its beginning. */
export function targetOf(
  target: string | null | undefined,
  nameOf: (id: string) => string,
): { short: string | null; long: string | undefined } {
  if (!target) return { short: null, long: undefined };
  return UUID.test(target) ? { short: nameOf(target), long: target } : { short: target, long: undefined };
}
