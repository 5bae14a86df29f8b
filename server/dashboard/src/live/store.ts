import { clock } from '@/api/clock';
import { type Counted, type HeardCount, withCounts } from './counts';
import type { CountFrame, Frame, SignalFrame, StatusFrame } from './frames';

/** The lamps of a junction are told on each change and every 5 s: after 15 s nobody knows what they show. */
export const STALE_MS = 15_000;

/** Whether queues of a cycle that ended up to a quarter of an hour ago may be those of now: not where nothing is heard any more. */
export const queuesHold = (online: boolean, stale: boolean): boolean => online && !stale;

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

/** Whether the junction has told `a` later than `b`, by its own clock. */
export const isLater = (a: SignalFrame, b: SignalFrame): boolean => Date.parse(a.t) > Date.parse(b.t);

/**
 * When a signal was so by this machine's clock, which came to the server by `cameAt`. A broker hands the last signal of a junction to a server
 * that starts, and that comes like a new one: its own time tells how old it is, by the difference from what is known where the junction's clock
 * may be wrong.
 */
export function toldAt(frame: SignalFrame, known: HeardSignal | null, cameAt: number): number {
  const own = known ? known.at + Date.parse(frame.t) - Date.parse(known.frame.t) : clock.here(frame.t);
  return Math.min(cameAt, own);
}

/** When a signal was so that is heard at `now`: a junction that goes on telling is there, whatever its clock shows. */
function heardAt(frame: SignalFrame, known: HeardSignal | null, now: number): number {
  const stepMs = known ? Date.parse(frame.t) - Date.parse(known.frame.t) : Infinity;
  if (stepMs === 0 && known) return known.at;
  if (stepMs > 0 && stepMs < STALE_MS) return now;
  return Math.min(now, Math.max(clock.here(frame.t), toldAt(frame, known, now)));
}

const countedBy = (frame: CountFrame): Counted => ({
  laneId: frame.lane_id,
  vehicles: frame.vehicle_count,
  present: frame.present ?? null,
  end: frame.timestamp ?? null,
  start: frame.interval_start ?? null,
});

/** What is heard of a junction; a new object with each change. */
export interface JunctionLive {
  signal: HeardSignal | null;
  /** The last status of each device. */
  devices: ReadonlyMap<string, HeardStatus>;
  /** Of the last five minutes, and those of longer intervals that still tell who waits; the newest last. Kept while somebody looks on. */
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
    return () => {
      set.delete(listener);
      // Who comes back fetches them: nobody has taken those that are told meanwhile.
      const known = this.junctions.get(junction);
      if (set.size === 0 && known) this.junctions.set(junction, { ...known, counts: [] });
    };
  }

  take(frame: Frame, now: number): void {
    switch (frame.type) {
      case 'signal':
        this.put(frame.junction_id, { signal: { frame, at: heardAt(frame, this.get(frame.junction_id).signal, now) } });
        break;
      case 'status': {
        const devices = new Map(this.get(frame.junction_id).devices);
        devices.set(frame.device_id, { frame, at: now });
        this.put(frame.junction_id, { devices });
        break;
      }
      case 'car_count':
        // A whole city tells more of them than anybody looks at.
        if (this.listeners.get(frame.junction_id)?.size) this.takeCounts(frame.junction_id, [countedBy(frame)], now);
        break;
      case 'alarm':
      case 'green_time':
      case 'override':
        if (frame.junction_id) this.put(frame.junction_id, {});
    }
  }

  /** A signal that was fetched, so many seconds after it came to the server; what the junction has told later is newer. */
  recall(frame: SignalFrame, ageS: number, now: number): void {
    const known = this.get(frame.junction_id).signal;
    if (known && !isLater(frame, known.frame)) return;
    this.put(frame.junction_id, { signal: { frame, at: toldAt(frame, known, now - ageS * 1000) } });
  }

  /** Counts that were fetched or are told; those that are known stay. */
  takeCounts(junction: string, rows: readonly Counted[], now: number): void {
    const before = this.get(junction).counts;
    const counts = withCounts(before, rows, now);
    if (counts !== before) this.put(junction, { counts });
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
