import { beforeEach, describe, expect, it } from 'vitest';
import type { SignalFrame, StatusFrame } from './frames';
import { isNewer, LiveStore } from './store';

/** What a junction tells at `t`, milliseconds of its clock. */
const signal = (junction_id: string, stage: string, t = 0): SignalFrame => ({
  type: 'signal',
  junction_id,
  t: new Date(t).toISOString(),
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

  it('takes a fetched signal only when the junction told it later than what was heard', () => {
    store.recall(signal('a', 'old', 60_000), 40, 100_000);
    expect(store.get('a').signal).toMatchObject({ at: 60_000, frame: { stage: 'old' } });
    store.take(signal('a', 'live', 105_000), 105_000);
    // The server looked before the frame went out, and its answer took its time.
    store.recall(signal('a', 'old', 100_000), 1, 109_000);
    expect(store.get('a').signal?.frame.stage).toBe('live');
    store.recall(signal('a', 'new', 130_000), 2, 132_000);
    expect(store.get('a').signal).toMatchObject({ at: 130_000, frame: { stage: 'new' } });
  });

  describe('lamps of a junction that is silent for hours', () => {
    const HOURS = 5 * 3_600_000;
    const at = () => store.get('a').signal?.at;

    it('are as old as they are when the broker hands them to a server that starts', () => {
      store.take(signal('a', 'N'), HOURS);
      expect(at()).toBe(0);
      store.clear();
      store.recall(signal('a', 'N'), 3, HOURS);
      expect(at()).toBe(0);
      store.take(signal('a', 'N'), HOURS + 5000);
      expect(at()).toBe(0);
    });

    it('are so by the difference from what is known where its clock is wrong', () => {
      const slow = HOURS / 2;
      store.take(signal('a', 'N', -slow), 0);
      store.take(signal('a', 'N', 5000 - slow), 5000);
      store.take(signal('a', 'S', 65_000 - slow), HOURS);
      expect(at()).toBe(65_000);
    });
  });

  it('lamps of a junction whose clock is wrong are those of now as soon as it goes on telling', () => {
    const slow = 3_600_000;
    store.take(signal('a', 'N', 10_000 - slow), 10_000);
    store.take(signal('a', 'N', 15_000 - slow), 15_000);
    expect(store.get('a').signal?.at).toBe(15_000);
    store.take(signal('a', 'N', 20_000), 20_000);
    store.take(signal('a', 'N', 25_000 - slow), 25_000);
    store.take(signal('a', 'N', 30_000 - slow), 30_000);
    expect(store.get('a').signal?.at).toBe(30_000);
  });

  describe('counts', () => {
    const count = (timestamp: string, vehicle_count: number, interval_start?: string) => ({
      type: 'car_count' as const,
      junction_id: 'a',
      lane_id: 'n',
      vehicle_count,
      timestamp,
      interval_start,
    });
    const vehicles = () => store.get('a').counts.map((heard) => heard.vehicles);
    const now = Date.parse('2026-01-01T00:05:00Z');

    it('are kept of a junction that somebody looks at, and of no other', () => {
      const before = store.get('a');
      store.take(count('2026-01-01T00:04:58Z', 1), now);
      expect(store.get('a')).toBe(before);
      const leave = store.subscribe('a', () => undefined);
      store.take(count('2026-01-01T00:04:59Z', 2), now);
      expect(vehicles()).toEqual([2]);
      leave();
      expect(vehicles()).toEqual([]);
    });

    it('are as old as their interval, not as the message', () => {
      store.subscribe('a', () => undefined);
      store.take(count('2026-01-01T00:04:58Z', 1), now);
      store.take(count('2025-12-31T23:00:00Z', 9), now);
      expect(vehicles()).toEqual([1]);
      store.take(count('2026-01-01T00:09:58Z', 2), now + 5 * 60_000);
      expect(vehicles()).toEqual([2]);
    });

    it('of a long interval are kept as long as they tell who waits', () => {
      store.subscribe('a', () => undefined);
      store.take(count('2026-01-01T00:05:00Z', 7, '2025-12-31T23:55:00Z'), now);
      store.take(count('2026-01-01T00:19:00Z', 1, '2026-01-01T00:18:55Z'), now + 14 * 60_000);
      expect(vehicles()).toEqual([7, 1]);
      store.take(count('2026-01-01T00:20:00Z', 2, '2026-01-01T00:19:55Z'), now + 15 * 60_000);
      expect(vehicles()).toEqual([1, 2]);
    });

    it('that are fetched are taken once, beside those that came live, whichever comes first', () => {
      store.subscribe('a', () => undefined);
      store.take(count('2026-01-01T00:04:59Z', 3), now);
      const row = (vehicles: number, end: string) => ({ laneId: 'n', vehicles, present: null, end, start: null });
      const rows = [
        row(3, '2026-01-01T00:04:59+00:00'),
        row(2, '2026-01-01T00:04:54Z'),
        row(9, '2025-12-31T23:59:00Z'),
      ];
      store.takeCounts('a', rows, now);
      store.takeCounts('a', rows, now);
      store.take(count('2026-01-01T00:04:54Z', 2), now);
      expect(vehicles()).toEqual([2, 3]);
    });
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
