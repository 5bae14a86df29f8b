import type { Names } from './useNames';

const UUIDS = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;

/**
 * New values of a line of the audit log as `name: value`, in one line a value; nested ones as JSON. Ids are told by the names of what they stand
 * for, or by their beginning.
 */
export function detailLines(detail: unknown, names: Names): string[] {
  if (typeof detail !== 'object' || detail === null) return [];
  const named = (id: string) => names.user(id) ?? names.device(id) ?? names.junction(id);
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]: [string, unknown]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `${name}: ${text.replace(UUIDS, named)}`;
    });
}
