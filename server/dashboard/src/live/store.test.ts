import { beforeEach, describe, expect, it } from 'vitest';
import type { SignalFrame, StatusFrame } from './frames';
import { COUNTS_MS, isNewer, LiveStore } from './store';

const signal = (junction_id: string, stage: string): SignalFrame => ({
  type: 'signal',
  junction_id,
  t: '2026-01-01T00:00:00Z',
  stage,
  state: 'green',
  groups: { [stage]: 'green' },
  since: '2026-01-01T00:00:00Z',
  plan_id: null,
  mode: 'automatic',
  cycle_second: 0,
});

let frames: (() => void)[];
let store: LiveStore;
const paint = () => frames.splice(0).forEach((run) => run());

beforeEach(() => {
  frames = [];
  store = new LiveStore((run) => frames.push(run));
});

describe('the live store', () => {
  it('tells listeners of a junction once a frame, and nobody else', () => {
    const told: string[] = [];
    store.subscribe('a', () => told.push('a'));
    store.subscribe('b', () => told.push('b'));
    store.subscribe('*', () => told.push('*'));
    store.take(signal('a', 'N'), 0);
    store.take(signal('a', 'S'), 1);
    expect(told).toEqual([]);
    paint();
    expect(told).toEqual(['a', '*']);
    expect(store.get('a').signal?.frame.stage).toBe('S');
  });

  it('gives the same object until something changes', () => {
    store.take(signal('a', 'N'), 0);
    const before = store.get('a');
    store.take(signal('b', 'N'), 0);
    expect(store.get('a')).toBe(before);
    store.take(signal('a', 'N'), 5);
    expect(store.get('a')).not.toBe(before);
  });

  it('takes a fetched signal only when nothing newer was heard', () => {
    store.recall(signal('a', 'old'), 40, 100_000);
    expect(store.get('a').signal).toMatchObject({ at: 60_000, frame: { stage: 'old' } });
    store.take(signal('a', 'live'), 90_000);
    store.recall(signal('a', 'old'), 41, 101_000);
    expect(store.get('a').signal?.frame.stage).toBe('live');
  });

  it('keeps counts of the last minutes only', () => {
    const count = (vehicle_count: number) => ({
      type: 'car_count' as const,
      junction_id: 'a',
      lane_id: 'n',
      vehicle_count,
    });
    store.take(count(1), 0);
    store.take(count(2), COUNTS_MS - 1);
    store.take(count(4), COUNTS_MS);
    expect(store.get('a').counts.map((heard) => heard.vehicles)).toEqual([2, 4]);
  });

  it('keeps a count of a long interval as long as it tells who waits', () => {
    const count = (lane_id: string, timestamp: string, interval_start: string) => ({
      type: 'car_count' as const,
      junction_id: 'a',
      lane_id,
      vehicle_count: 1,
      timestamp,
      interval_start,
    });
    store.take(count('long', '2026-01-01T00:10:00Z', '2026-01-01T00:00:00Z'), 0);
    store.take(count('short', '2026-01-01T00:10:00Z', '2026-01-01T00:09:55Z'), 0);
    store.take(count('short', '2026-01-01T00:24:00Z', '2026-01-01T00:23:55Z'), 14 * 60_000);
    expect(store.get('a').counts.map((heard) => heard.laneId)).toEqual(['long', 'short']);
    store.take(count('short', '2026-01-01T00:25:00Z', '2026-01-01T00:24:55Z'), 15 * 60_000);
    expect(store.get('a').counts.map((heard) => heard.laneId)).toEqual(['short', 'short']);
  });

  it('takes fetched counts once, beside those that came live', () => {
    const now = Date.parse('2026-01-01T00:05:00Z');
    store.take(
      { type: 'car_count', junction_id: 'a', lane_id: 'n', vehicle_count: 3, timestamp: '2026-01-01T00:04:59Z' },
      now,
    );
    const row = (vehicles: number, interval: string) => ({
      laneId: 'n',
      vehicles,
      present: null,
      interval,
      start: null,
    });
    const rows = [row(3, '2026-01-01T00:04:59+00:00'), row(2, '2026-01-01T00:04:54Z'), row(9, '2025-12-31T23:59:00Z')];
    store.recallCounts('a', rows, now);
    store.recallCounts('a', rows, now);
    expect(store.get('a').counts.map((heard) => heard.vehicles)).toEqual([2, 3]);
  });

  it('forgets what devices said when the feed begins anew, and nothing else', () => {
    const status: StatusFrame = { type: 'status', junction_id: 'a', device_id: 'd', online: true };
    store.take(signal('a', 'N'), 0);
    store.take(signal('b', 'N'), 0);
    store.take(status, 5);
    expect(store.get('a').devices.get('d')).toEqual({ frame: status, at: 5 });
    const [told, before]: [string[], unknown] = [[], store.get('b')];
    store.subscribe('a', () => told.push('a'));
    paint();
    told.length = 0;
    store.forgetStatuses();
    paint();
    expect(told).toEqual(['a']);
    expect(store.get('a').devices.size).toBe(0);
    expect(store.get('a').signal?.frame.stage).toBe('N');
    expect(store.get('b')).toBe(before);
  });

  it('what was heard counts until it must be in what is fetched', () => {
    expect(isNewer(100_000, 90_000)).toBe(true);
    expect(isNewer(100_000, 101_000)).toBe(true);
    expect(isNewer(100_000, 130_000)).toBe(false);
  });

  it('forgets everything when somebody else signs in', () => {
    store.take(signal('a', 'N'), 0);
    store.clear();
    expect(store.get('a').signal).toBeNull();
  });
});
