import type { Format } from '@/i18n/format';
import type { Names } from './useNames';

const UUIDS = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;

/**
 * New values of a line of the audit log as `name: value`, in one line a value; nested ones as JSON. Ids are told by the names of what they stand
 * for, or by their beginning, and times as `format` writes them: with the year, for a line is read years later, and what it sets may hold for years.
 */
export function detailLines(detail: unknown, names: Names, format: Format): string[] {
  if (typeof detail !== 'object' || detail === null) return [];
  const named = (id: string) => names.user(id) ?? names.device(id) ?? names.lane(id) ?? names.junction(id);
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]: [string, unknown]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `${name}: ${format.sentence(text.replace(UUIDS, named), true)}`;
    });
}

/** The keys that have ids of lanes. */
const OF_LANES = ['lane_id', 'from_lanes'];

/** The junctions of whose lanes the lines tell. */
export function junctionsOfLanes(lines: readonly { junction_id?: string | null; detail: object }[]): string[] {
  const told = lines.filter(({ detail }) => OF_LANES.some((key) => key in detail));
  return [...new Set(told.flatMap(({ junction_id }) => junction_id ?? []))].sort();
}
