import { type Field, numberOf } from '@/components/field';
import type { Day, Entry } from './week';
import { DAYS } from './week';

/** What the limits of an entry are called. */
export const LIMITS = ['min_cycle_s', 'max_cycle_s', 'min_green_s', 'max_green_s'] as const;
export type Limit = (typeof LIMITS)[number];

/** An entry as the form has it. */
export interface Draft {
  name: string;
  days: Day[];
  from: string;
  to: string;
  kind: 'plan' | 'limits';
  /** By stage, in the order of the layout: an object would put names that are numbers first. */
  greens: ReadonlyMap<string, Field>;
  offset: Field;
  limits: Record<Limit, Field>;
}

/** A new entry of an hour on a day. */
export function newDraft(
  day: Day,
  from: string,
  to: string,
  stages: readonly { stage: string; min_green_s: number }[],
): Draft {
  const workdays: Day[] = ['mon', 'tue', 'wed', 'thu', 'fri'];
  return {
    name: '',
    days: workdays.includes(day) ? workdays : [day],
    from,
    to,
    kind: 'plan',
    greens: new Map(stages.map(({ stage, min_green_s }) => [stage, Math.max(20, min_green_s)])),
    offset: '',
    limits: { min_cycle_s: '', max_cycle_s: '', min_green_s: '', max_green_s: '' },
  };
}

/** An entry in the form; a stage that it does not name is not served. */
export function draftOf(entry: Entry, stages: readonly string[]): Draft {
  const green = (stage: string) => entry.plan?.stages.find((own) => own.stage === stage)?.green_s ?? '';
  const limit = (name: Limit) => entry.limits?.[name] ?? '';
  // A plan of a stage that is gone keeps it, for the server to name.
  const known = new Set([...stages, ...(entry.plan?.stages.map(({ stage }) => stage) ?? [])]);
  return {
    name: entry.name,
    days: DAYS.filter((day) => entry.days.includes(day)),
    from: entry.from,
    to: entry.to === '24:00' ? '00:00' : entry.to,
    kind: entry.plan ? 'plan' : 'limits',
    greens: new Map([...known].map((stage) => [stage, green(stage)])),
    offset: entry.plan?.offset_s ?? '',
    limits: {
      min_cycle_s: limit('min_cycle_s'),
      max_cycle_s: limit('max_cycle_s'),
      min_green_s: limit('min_green_s'),
      max_green_s: limit('max_green_s'),
    },
  };
}

/** The entry that a form describes. */
export function entryOf(draft: Draft): Entry {
  const common = { name: draft.name.trim(), days: draft.days, from: draft.from, to: draft.to };
  if (draft.kind === 'limits') {
    const given = LIMITS.flatMap((name) => {
      const value = numberOf(draft.limits[name]);
      return value === null ? [] : [[name, value] as const];
    });
    return { ...common, limits: Object.fromEntries(given) };
  }
  const stages = [...draft.greens].flatMap(([stage, field]) => {
    const green_s = numberOf(field);
    return green_s === null ? [] : [{ stage, green_s }];
  });
  const offset_s = numberOf(draft.offset);
  return { ...common, plan: { stages, ...(offset_s === null ? {} : { offset_s }) } };
}
