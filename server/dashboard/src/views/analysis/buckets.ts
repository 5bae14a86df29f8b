import type { components } from '@/api/schema';
import type { PlotBand } from '@/components/plot/series';

type Schemas = components['schemas'];
export type VolumeBucket = Schemas['Bucket'];
export type SplitBucket = Schemas['SplitBucket'];
export type EndsBucket = Schemas['StageEndsBucket'];
export type QueueBucket = Schemas['QueueBucket'];

/** Below this part of its time a bucket was watched in part. */
const WHOLE = 0.95;

const seconds = (time: string) => Date.parse(time) / 1000;

/** Buckets that have begun: what is still to come is not unwatched. */
export const begun = <B extends { start: string }>(buckets: readonly B[], now: number): B[] =>
  buckets.filter(({ start }) => Date.parse(start) < now);

/** Times of buckets, and the end of the last one, so that it is as wide as the others. */
export function timesOf(buckets: readonly { start: string; end: string }[]): number[] {
  const last = buckets.at(-1);
  return last ? [...buckets.map(({ start }) => seconds(start)), seconds(last.end)] : [];
}

/** Values for {@link timesOf}. */
export const untilEnd = (values: (number | null)[]): (number | null)[] => [...values, values.at(-1) ?? null];

/** Values of the buckets that are over: in the one that still runs a line would fall steeply to what has come so far. */
export const ofThoseOver = (
  values: readonly (number | null)[],
  buckets: readonly { end: string }[],
  now: number,
): (number | null)[] => values.map((value, at) => (Date.parse(buckets[at]?.end ?? '') <= now ? value : null));

/** How far a lane was watched, 0 to 1; a sender that does not say is taken at its word. */
function watchedShare(lane: VolumeBucket['lanes'][number], bucketSeconds: number): number {
  if (lane.vehicle_count == null) return 0;
  return lane.observed_s == null ? 1 : lane.observed_s / bucketSeconds;
}

/** The time in which the lanes were not watched, or not all of it. The bucket that still runs is measured up to now. */
export function watchBands(buckets: readonly VolumeBucket[], lanes: ReadonlySet<string>, now: number): PlotBand[] {
  return buckets.flatMap((bucket): PlotBand[] => {
    const from = seconds(bucket.start);
    const to = Math.min(seconds(bucket.end), now / 1000);
    const own = bucket.lanes.filter((lane) => lanes.has(lane.lane_id));
    const shares = own.map((lane) => watchedShare(lane, Math.max(1, to - from)));
    if (shares.every((share) => share === 0)) return [{ from, to, kind: 'unwatched' }];
    // What has just passed is still on its way.
    const whole = now / 1000 < seconds(bucket.end) ? 0 : WHOLE;
    return shares.some((share) => share < whole) ? [{ from, to, kind: 'part' }] : [];
  });
}

/** The bucket that still runs: its counts still rise, and are not those of a quiet one. */
export const runningBands = (buckets: readonly { start: string; end: string }[], now: number): PlotBand[] =>
  buckets
    .filter(({ start, end }) => Date.parse(start) < now && now < Date.parse(end))
    .map(({ start, end }) => ({ from: seconds(start), to: seconds(end), kind: 'running' }));

/** Which part of a bucket the lanes were watched, on average, 0 to 1; of the bucket that still runs, of its time up to now. */
export function shareOf(bucket: VolumeBucket, lanes: ReadonlySet<string>, now: number): number {
  const passed = Math.max(1, Math.min(seconds(bucket.end), now / 1000) - seconds(bucket.start));
  const shares = bucket.lanes.filter((lane) => lanes.has(lane.lane_id)).map((lane) => watchedShare(lane, passed));
  return Math.min(1, shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length));
}

/** Vehicles of some lanes; null: none of them was watched. */
export function sumOf(bucket: VolumeBucket, lanes: ReadonlySet<string>): number | null {
  const known = bucket.lanes.filter((lane) => lanes.has(lane.lane_id) && lane.vehicle_count != null);
  return known.length === 0 ? null : known.reduce((sum, lane) => sum + (lane.vehicle_count ?? 0), 0);
}

/** Vehicles of some lanes in a bucket that is over; null: it still runs, and a line would fall steeply to what has come so far. */
export const overSumOf = (bucket: VolumeBucket, lanes: ReadonlySet<string>, now: number): number | null =>
  Date.parse(bucket.end) <= now ? sumOf(bucket, lanes) : null;

/** Vehicles of some lanes in a bucket that is over and in which each of them was watched; null: it counts only some of what came. */
export function wholeSumOf(bucket: VolumeBucket, lanes: ReadonlySet<string>, now: number): number | null {
  const length = seconds(bucket.end) - seconds(bucket.start);
  const isWhole = [...lanes].every((id) =>
    bucket.lanes.some((lane) => lane.lane_id === id && watchedShare(lane, length) >= WHOLE),
  );
  return isWhole ? overSumOf(bucket, lanes, now) : null;
}

/** The mean of several curves at each place, and of how many of them it is where there is one: least and most. */
export function meanCurve(curves: readonly (readonly (number | null)[])[]): {
  values: (number | null)[];
  of: { least: number; most: number };
} {
  const columns = (curves[0] ?? []).map((_, at) => curves.map((curve) => curve[at]));
  const counts = columns.map((column) => column.filter((value) => value != null).length).filter((count) => count > 0);
  const of = counts.length === 0 ? { least: 0, most: 0 } : { least: Math.min(...counts), most: Math.max(...counts) };
  return { values: columns.map(meanOf), of };
}

/** Names of all stages in their order, as far as the buckets know them. */
export function stagesOf(
  buckets: readonly { stages: readonly { stage: string }[] }[],
  known: readonly string[],
): string[] {
  const found = new Set(buckets.flatMap(({ stages }) => stages.map(({ stage }) => stage)));
  return [...known.filter((stage) => found.has(stage)), ...[...found].filter((stage) => !known.includes(stage))];
}

/** What ends a green. */
export const ENDS = ['plan', 'gap_out', 'max_out', 'force_off', 'priority', 'manual', 'fault'] as const;
export type End = (typeof ENDS)[number];

/** Ends of one stage in a bucket, or of all of them; null: no cycle began. */
export function endsOf(bucket: EndsBucket, stage: string | null, end: End): number | null {
  const own = bucket.stages.filter((row) => stage === null || row.stage === stage);
  return own.length === 0 ? null : own.reduce((sum, row) => sum + row[end], 0);
}

/** Values of several days over the hours of one day: by minutes since midnight of the local clock. */
export function overDay<V>(
  buckets: readonly { start: string }[],
  values: readonly (V | null)[],
): Map<number, V | null> {
  const byMinute = new Map<number, V | null>();
  buckets.forEach(({ start }, at) => {
    // The answer's local time, such as 2026-02-10T08:15:00+05:30.
    byMinute.set(Number(start.slice(11, 13)) * 60 + Number(start.slice(14, 16)), values[at] ?? null);
  });
  return byMinute;
}

/** Mean of what is known. */
export function meanOf(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
