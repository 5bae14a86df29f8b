import { describe, expect, it } from 'vitest';
import {
  begun,
  endsOf,
  meanCurve,
  meanOf,
  overDay,
  overSumOf,
  runningBands,
  shareOf,
  stagesOf,
  sumOf,
  timesOf,
  untilEnd,
  type VolumeBucket,
  watchBands,
  wholeSumOf,
  ofThoseOver,
} from './buckets';

const HOUR = 3600;
const start = Date.parse('2026-02-10T00:00:00+05:30') / 1000;
const iso = (seconds: number) => new Date((start + seconds) * 1000).toISOString();

function bucket(hour: number, ...lanes: [string, number | null, number | null][]): VolumeBucket {
  return {
    start: iso(hour * HOUR),
    end: iso((hour + 1) * HOUR),
    seconds: HOUR,
    vehicle_count: null,
    lanes: lanes.map(([lane_id, vehicle_count, observed_s]) => ({ lane_id, vehicle_count, observed_s })),
  };
}

const BOTH = new Set(['N', 'S']);
const later = (start + 100 * HOUR) * 1000;

describe('time that nobody watched', () => {
  it('is marked, as is that of some lanes or some of the time; a lane that counts none is watched', () => {
    const buckets = [
      bucket(0, ['N', 0, HOUR], ['S', 5, HOUR]),
      bucket(1, ['N', null, 0], ['S', null, 0]),
      bucket(2, ['N', 3, HOUR], ['S', null, 0]),
      bucket(3, ['N', 3, HOUR / 2], ['S', 2, HOUR]),
      bucket(4, ['N', 3, null], ['S', 2, null]),
    ];
    const bands = watchBands(buckets, BOTH, later);
    expect(bands.map(({ from, kind }) => [(from - start) / HOUR, kind])).toEqual([
      [1, 'unwatched'],
      [2, 'part'],
      [3, 'part'],
    ]);
    expect(watchBands(buckets, new Set(['S']), later).map(({ from }) => (from - start) / HOUR)).toEqual([1, 2]);
  });

  it('does not lie in the future, nor in the bucket that still runs and was watched', () => {
    const now = (start + 1.5 * HOUR) * 1000;
    const buckets = begun([bucket(0, ['N', 1, HOUR]), bucket(1, ['N', 1, 900]), bucket(2, ['N', null, 0])], now);
    expect(buckets).toHaveLength(2);
    expect(watchBands(buckets, BOTH, now)).toEqual([]);
    const silent = [bucket(1, ['N', null, 0])];
    expect(watchBands(silent, BOTH, now)).toEqual([{ from: start + HOUR, to: now / 1000, kind: 'unwatched' }]);
  });

  it('is told apart from the bucket that still runs, which has all of its width', () => {
    const buckets = [bucket(0, ['N', 1, HOUR]), bucket(1, ['N', 1, 900])];
    const running = [{ from: start + HOUR, to: start + 2 * HOUR, kind: 'running' }];
    expect(runningBands(buckets, (start + 1.5 * HOUR) * 1000)).toEqual(running);
    expect(runningBands(buckets, later)).toEqual([]);
  });

  it('takes a part of a bucket, on average over its lanes', () => {
    expect(shareOf(bucket(0, ['N', 3, HOUR / 2], ['S', 2, HOUR]), BOTH, later)).toBe(0.75);
    expect(shareOf(bucket(0, ['N', 3, HOUR / 2], ['S', null, 0]), BOTH, later)).toBe(0.25);
    expect(shareOf(bucket(0, ['N', 3, null], ['S', 2, HOUR + 1]), BOTH, later)).toBe(1);
    expect(shareOf(bucket(0, ['N', 3, 900], ['S', 2, 900]), BOTH, (start + 900) * 1000)).toBe(1);
    expect(shareOf(bucket(0), BOTH, later)).toBe(0);
  });

  it('has no sum to be drawn while it still runs', () => {
    const running = bucket(0, ['N', 2, 900], ['S', null, 0]);
    expect(overSumOf(running, BOTH, (start + 900) * 1000)).toBeNull();
    expect(overSumOf(running, BOTH, (start + HOUR) * 1000)).toBe(2);
  });

  it('is no zero in sums', () => {
    expect(sumOf(bucket(0, ['N', 2, 1], ['S', null, 0], ['E', 40, 1]), BOTH)).toBe(2);
    expect(sumOf(bucket(0, ['N', 0, 1]), BOTH)).toBe(0);
    expect(sumOf(bucket(0, ['N', null, 0]), BOTH)).toBeNull();
    expect(meanOf([4, null, undefined, 8])).toBe(6);
    expect(meanOf([null])).toBeNull();
  });
});

describe('earlier days that a day is compared with', () => {
  it('count only where each lane was watched for as good as all of the time', () => {
    const sum = (...lanes: [string, number | null, number | null][]) => wholeSumOf(bucket(0, ...lanes), BOTH, later);
    expect(sum(['N', 3, HOUR], ['S', 2, 0.95 * HOUR])).toBe(5);
    expect(sum(['N', 3, null], ['S', 0, HOUR])).toBe(3);
    expect(sum(['N', 3, HOUR], ['S', 2, 0.9 * HOUR])).toBeNull();
    expect(sum(['N', 3, HOUR], ['S', null, 0])).toBeNull();
    expect(sum(['N', 3, HOUR])).toBeNull();
    const half = bucket(0, ['N', 3, 10], ['S', 2, HOUR]);
    expect(wholeSumOf(half, new Set(['S']), later)).toBe(2);
    expect(wholeSumOf(half, new Set(['S']), (start + HOUR / 2) * 1000)).toBeNull();
  });

  it('have a mean of as many of them as were watched then', () => {
    expect(
      meanCurve([
        [4, 8, null, null],
        [6, null, null, 2],
        [8, 4, null, null],
      ]),
    ).toEqual({
      values: [6, 6, null, 2],
      of: { least: 1, most: 3 },
    });
    expect(meanCurve([[null]])).toEqual({ values: [null], of: { least: 0, most: 0 } });
    expect(meanCurve([])).toEqual({ values: [], of: { least: 0, most: 0 } });
  });
});

it('the last bucket is as wide as the others', () => {
  expect(timesOf([bucket(0), bucket(1)])).toEqual([start, start + HOUR, start + 2 * HOUR]);
  expect(untilEnd([1, null, 3])).toEqual([1, null, 3, 3]);
  expect(timesOf([])).toEqual([]);
});

it('days lie over each other by the local clock', () => {
  const values = overDay([{ start: '2026-02-10T08:15:00+05:30' }, { start: '2026-02-10T08:30:00+05:30' }], [7, null]);
  expect([...values]).toEqual([
    [495, 7],
    [510, null],
  ]);
});

it('stages stand in the order of the junction, those that are gone behind them', () => {
  const buckets = [{ stages: [{ stage: 'gone' }, { stage: 'S' }] }, { stages: [{ stage: 'N' }] }];
  expect(stagesOf(buckets, ['N', 'E', 'S'])).toEqual(['N', 'S', 'gone']);
});

it('ends are those of a stage or of all; without a cycle they are not known', () => {
  const none = { gap_out: 0, max_out: 0, force_off: 0, priority: 0, manual: 0, fault: 0 };
  const ends = {
    start: '',
    end: '',
    stages: [
      { ...none, stage: 'N', plan: 2 },
      { ...none, stage: 'S', plan: 3, gap_out: 1 },
    ],
  };
  expect(endsOf(ends, null, 'plan')).toBe(5);
  expect(endsOf(ends, 'S', 'gap_out')).toBe(1);
  expect(endsOf({ ...ends, stages: [] }, null, 'plan')).toBeNull();
});

it('a line ends before the bucket that still runs, and has a gap where nobody watched', () => {
  const buckets = ['08:15', '08:30', '08:45'].map((end) => ({ end: `2026-02-10T${end}:00Z` }));
  expect(ofThoseOver([4, null, 1], buckets, Date.parse('2026-02-10T08:32:00Z'))).toEqual([4, null, null]);
  expect(ofThoseOver([4, null, 9], buckets, Date.parse('2026-02-10T08:45:00Z'))).toEqual([4, null, 9]);
});
