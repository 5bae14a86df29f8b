import type { components } from '@/api/schema';

type Schemas = components['schemas'];
export type Entry = Schemas['Entry'];
export type Holiday = Schemas['Holiday'];
export type Day = Entry['days'][number];

export const DAYS: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'holiday'];

/** Minutes of a day. */
export const DAY_MIN = 1440;

/** Minutes since midnight of a time such as `07:30`. */
export function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

export const timeOf = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** A piece of an entry in the column of a day. */
export interface Block {
  /** Place of the entry in the schedule. */
  at: number;
  entry: Entry;
  from: number;
  to: number;
  /** It began the day before. */
  goesOn: boolean;
  /** How many of its kind began before it and are not over: they would lie under it. */
  over: number;
  /** One of the other kind holds at the same time: each has half of the day's width. */
  beside: boolean;
}

/** What stands in the column of each day. An entry that goes on past midnight stands on the next day as well; after a holiday any day may come. */
export function blocksOf(entries: readonly Entry[]): Map<Day, Block[]> {
  const columns = new Map<Day, Block[]>(DAYS.map((day) => [day, []]));
  entries.forEach((entry, at) => {
    const [from, to] = [minutesOf(entry.from), minutesOf(entry.to)];
    const crosses = to <= from;
    for (const day of entry.days) {
      columns.get(day)?.push({ at, entry, from, to: crosses ? DAY_MIN : to, goesOn: false, over: 0, beside: false });
      if (!crosses || to === 0 || day === 'holiday') continue;
      const next = DAYS[(DAYS.indexOf(day) + 1) % 7];
      if (next) columns.get(next)?.push({ at, entry, from: 0, to, goesOn: true, over: 0, beside: false });
    }
  });
  for (const blocks of columns.values()) {
    blocks.sort((a, b) => a.from - b.from);
    blocks.forEach((block, at) => {
      const kind = Boolean(block.entry.plan);
      block.over = blocks.slice(0, at).filter((b) => Boolean(b.entry.plan) === kind && b.to > block.from).length;
      block.beside = blocks.some((b) => Boolean(b.entry.plan) !== kind && b.from < block.to && block.from < b.to);
    });
  }
  return columns;
}

/** A holiday in the place of one of its date. */
export const withHoliday = (list: readonly Holiday[], holiday: Holiday): Holiday[] =>
  [...list.filter(({ date }) => date !== holiday.date), holiday].sort((a, b) => a.date.localeCompare(b.date));
