import { clock } from '@/api/clock';
import type { CountFrame, Frame, SignalFrame, StatusFrame } from './frames';

/** The lamps of a junction are told on each change and every 5 s: after 15 s nobody knows what they show. */
export const STALE_MS = 15_000;
/** Counts are summed up over this time, milliseconds. */
export const COUNTS_MS = 5 * 60_000;

/** The last signal of a junction, and when it was so by this machine's clock. */
export interface HeardSignal {
  frame: SignalFrame;
  /** `Date.now()` when it was sent, as far as is known. */
  at: number;
}

/** The last status of a device, and when it was heard. */
export interface HeardStatus {
  frame: StatusFrame;
  /** `Date.now()` when it came. */
  at: number;
}

/** What is heard may not be in an answer yet that was asked for before and comes after it; no answer takes longer, milliseconds. */
const OVERLAP_MS = 10_000;

/** Whether what was heard at `at` is newer than what was fetched by `fetchedAt`. */
export const isNewer = (at: number, fetchedAt: number): boolean => at >= fetchedAt - OVERLAP_MS;

/** Vehicles of a lane in an interval. */
export interface HeardCount {
  laneId: string;
  vehicles: number;
  present: number | null;
  /** End of its interval, as the junction says; names the interval together with the lane. */
  interval: string;
  /** Start of its interval; null: the sender does not say. */
  start: string | null;
  at: number;
}

/** Vehicles that waited at the end of an interval are those of now until the next is told and half as long again, milliseconds. */
export const HOLDS_MS = { least: 30_000, most: 90 * 60_000, intervals: 1.5 };

/** How long the vehicles that waited at its end are taken for those that wait, by the length of its own interval. */
export function holdsMs({ start, interval }: Pick<HeardCount, 'start' | 'interval'>): number {
  const lengthMs = start === null ? 0 : Date.parse(interval) - Date.parse(start);
  return Math.min(HOLDS_MS.most, Math.max(HOLDS_MS.least, HOLDS_MS.intervals * (lengthMs || 0)));
}

/** Whether it still tells something: how many came in the last minutes, or how many wait. */
const tells = (count: HeardCount, now: number) => now - count.at < Math.max(COUNTS_MS, holdsMs(count));

/** What is heard of a junction; a new object with each change. */
export interface JunctionLive {
  signal: HeardSignal | null;
  /** The last status of each device. */
  devices: ReadonlyMap<string, HeardStatus>;
  /** Of the last five minutes, and those of longer intervals that still tell who waits; the newest last. */
  counts: readonly HeardCount[];
  /** Grows when plans, overrides or counts have changed. */
  version: number;
}

const NOTHING: JunctionLive = { signal: null, devices: new Map(), counts: [], version: 0 };

/** What the live feed has told, junction by junction. Listeners are told at most once per animation frame. */
export class LiveStore {
  private readonly junctions = new Map<string, JunctionLive>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly changed = new Set<string>();
  private scheduled = false;
  private readonly schedule: (run: () => void) => void;

  constructor(schedule: (run: () => void) => void) {
    this.schedule = schedule;
  }

  readonly get = (junction: string): JunctionLive => this.junctions.get(junction) ?? NOTHING;

  /** Calls `listener` after changes of a junction; `*`: of any. */
  subscribe(junction: string, listener: () => void): () => void {
    const set = this.listeners.get(junction) ?? new Set();
    this.listeners.set(junction, set.add(listener));
    return () => set.delete(listener);
  }

  take(frame: Frame, now: number): void {
    switch (frame.type) {
      case 'signal':
        this.put(frame.junction_id, { signal: { frame, at: now } });
        break;
      case 'status': {
        const devices = new Map(this.get(frame.junction_id).devices);
        devices.set(frame.device_id, { frame, at: now });
        this.put(frame.junction_id, { devices });
        break;
      }
      case 'car_count':
        this.put(frame.junction_id, { counts: this.counted(frame, now) });
        break;
      case 'alarm':
      case 'green_time':
      case 'override':
        if (frame.junction_id) this.put(frame.junction_id, {});
    }
  }

  /** A signal that was fetched, so many seconds old; what came live is newer. */
  recall(frame: SignalFrame, ageS: number, now: number): void {
    const at = now - ageS * 1000;
    const known = this.get(frame.junction_id).signal;
    if (!known || known.at < at) this.put(frame.junction_id, { signal: { frame, at } });
  }

  /** Counts that were fetched; those that came live are known. */
  recallCounts(junction: string, rows: readonly Omit<HeardCount, 'at'>[], now: number): void {
    const { counts } = this.get(junction);
    const known = new Set(counts.map((count) => `${count.laneId} ${Date.parse(count.interval)}`));
    const fresh = rows
      .filter((row) => !known.has(`${row.laneId} ${Date.parse(row.interval)}`))
      .map((row) => ({ ...row, at: Math.min(now, clock.here(row.interval)) }))
      .filter((row) => tells(row, now));
    if (fresh.length === 0) return;
    this.put(junction, { counts: [...fresh, ...counts].sort((a, b) => a.at - b.at) });
  }

  /**
   * What devices said counts no longer: the feed begins anew, and nobody knows which of them came or went meanwhile. Lamps and counts tell
   * their age themselves.
   */
  forgetStatuses(): void {
    for (const [junction, { devices }] of this.junctions)
      if (devices.size > 0) this.put(junction, { devices: new Map() });
  }

  clear(): void {
    const all = [...this.junctions.keys()];
    this.junctions.clear();
    for (const junction of all) this.note(junction);
  }

  private counted(frame: CountFrame, now: number): HeardCount[] {
    const recent = this.get(frame.junction_id).counts.filter((count) => tells(count, now));
    const { lane_id: laneId, vehicle_count: vehicles, present } = frame;
    const interval = frame.timestamp ?? new Date(now).toISOString();
    return [
      ...recent,
      { laneId, vehicles, present: present ?? null, interval, start: frame.interval_start ?? null, at: now },
    ];
  }

  private put(junction: string, change: Partial<JunctionLive>): void {
    const before = this.get(junction);
    this.junctions.set(junction, { ...before, ...change, version: before.version + 1 });
    this.note(junction);
  }

  private note(junction: string): void {
    this.changed.add(junction);
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      const told = [...this.changed];
      this.changed.clear();
      for (const name of [...told, '*']) for (const listener of this.listeners.get(name) ?? []) listener();
    });
  }
}
