import { clock } from '@/api/clock';

/** Counts are summed up over this time, milliseconds. */
export const COUNTS_MS = 5 * 60_000;

/** Vehicles that waited at the end of an interval are those of now until the next is told and half as long again, milliseconds. */
export const HOLDS_MS = { least: 30_000, most: 90 * 60_000, intervals: 1.5 };

/** Vehicles of a lane in an interval, as they are told. */
export interface Counted {
  laneId: string;
  vehicles: number;
  present: number | null;
  /** End of its interval, as the junction says; null: the sender does not say. */
  end: string | null;
  /** Start of its interval; null: the sender does not say. */
  start: string | null;
}

/** Vehicles of a lane in an interval. Times are numbers: they are looked at again with each further count. */
export interface HeardCount {
  laneId: string;
  vehicles: number;
  present: number | null;
  /** End of its interval by the junction's clock, milliseconds; names the interval together with the lane. */
  end: number | null;
  /** End of its interval by this machine's clock, however late it was told. */
  at: number;
  /** How long the vehicles that waited at its end are taken for those that wait, by the length of its own interval. */
  holdsMs: number;
}

/** A count that is told at `now`: one that was kept while a line was down comes live as well, and is no younger for that. */
export function heardCount({ laneId, vehicles, present, end, start }: Counted, now: number): HeardCount {
  const endMs = end === null ? null : Date.parse(end);
  const lengthMs = endMs === null || start === null ? 0 : endMs - Date.parse(start);
  return {
    laneId,
    vehicles,
    present,
    end: endMs,
    at: end === null ? now : Math.min(now, clock.here(end)),
    holdsMs: Math.min(HOLDS_MS.most, Math.max(HOLDS_MS.least, HOLDS_MS.intervals * (lengthMs || 0))),
  };
}

/** Whether it still tells something: how many came in the last minutes, or how many wait. */
const tells = (count: HeardCount, now: number) => now - count.at < Math.max(COUNTS_MS, count.holdsMs);

const isSame = (a: HeardCount, b: HeardCount) => a.end !== null && a.end === b.end && a.laneId === b.laneId;

/**
 * Counts that still tell something at `now`, those that are `told` among them, each interval of a lane once; the newest last. The same list
 * where nothing of what is told is new and nothing is too old.
 */
export function withCounts(counts: readonly HeardCount[], told: readonly Counted[], now: number) {
  const kept = counts.filter((count) => tells(count, now));
  let added = false;
  for (const row of told) {
    const count = heardCount(row, now);
    if (!tells(count, now) || kept.some((known) => isSame(known, count))) continue;
    let place = kept.length;
    while (place > 0 && (kept[place - 1]?.at ?? 0) > count.at) place -= 1;
    kept.splice(place, 0, count);
    added = true;
  }
  return added || kept.length < counts.length ? kept : counts;
}

/** Vehicles of each lane by what was counted in the last minutes, and those that wait at `now`. The newest count is the last. */
export function sums(heard: readonly HeardCount[], now: number) {
  const counts = new Map<string, number>();
  const present = new Map<string, number>();
  for (const { laneId, vehicles, present: waiting, at, holdsMs } of heard) {
    const ageMs = now - at;
    if (ageMs < COUNTS_MS) counts.set(laneId, (counts.get(laneId) ?? 0) + vehicles);
    if (waiting !== null && ageMs <= holdsMs) present.set(laneId, waiting);
  }
  return { counts, present };
}
