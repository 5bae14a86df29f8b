import type { components } from '@/api/schema';

export type JunctionFile = components['schemas']['JunctionFile'];

/** What a junction file would do. */
export interface Outlook {
  file: JunctionFile;
  /** Names of the junctions that it creates. */
  created: string[];
  /** Names of those that it replaces. */
  replaced: string[];
  links: number;
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value);

/** Reads a junction file as far as it takes to say what it would do; the server checks the rest. Null: it is none. */
export function readCityFile(text: string, known: ReadonlySet<string>): Outlook | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { junctions, links } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (!isList(junctions)) return null;
  const entries = junctions as Partial<JunctionFile['junctions'][number]>[];
  const name = (entry: (typeof entries)[number]) => entry.junction_name ?? '?';
  return {
    file: value as JunctionFile,
    created: entries.filter(({ junction_id }) => !known.has(junction_id ?? '')).map(name),
    replaced: entries.filter(({ junction_id }) => known.has(junction_id ?? '')).map(name),
    links: isList(links) ? links.length : 0,
  };
}
