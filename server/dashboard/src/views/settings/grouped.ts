import type { Setting } from '@/api/types';

/** Settings by section, in the order in which they come. */
export function grouped(settings: readonly Setting[]): [string, Setting[]][] {
  const sections = new Map<string, Setting[]>();
  for (const setting of settings) sections.set(setting.section, [...(sections.get(setting.section) ?? []), setting]);
  return [...sections];
}

/** A value as TOML writes it; null: there is none. */
export function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return JSON.stringify(value);
}
