import type { Overview } from '@/api/types';
import type { SignalFrame, SignalState } from '@/live/frames';
import { isLater, isNewer, type JunctionLive, queuesHold, STALE_MS, toldAt } from '@/live/store';

/** What matters most about a junction: of an `unknown` one nobody knows what its lamps show; an `own` one runs no plan of the server. */
export type Kind =
  'fault' | 'offline' | 'dark' | 'flash' | 'emergency' | 'manual' | 'unknown' | 'maintenance' | 'own' | 'ok';
/** How much of a queue a green leaves. */
export type Congestion = 'low' | 'mid' | 'high';

/** A junction as the city shows it. */
export interface JunctionState {
  id: string;
  name: string;
  city: string;
  latitude: number;
  longitude: number;
  kind: Kind;
  fault: string | null;
  stage: string | null;
  signal: SignalState | null;
  /** Seconds since its lamps were last told, when that is too long ago; null: they are known. */
  staleS: number | null;
  /** Tagged vehicles waiting; null: not known, as of a junction that is offline or silent. */
  queue: number | null;
  congestion: Congestion | null;
  vehicles: number;
  alarms: number;
  severity: string | null;
}

/** Up to here a queue clears but for stragglers; from the second on the server calls a lane congested. */
const LIMITS = { low: 0.2, mid: 0.5 };

const congestionOf = (share: number | null | undefined): Congestion | null =>
  share == null ? null : share <= LIMITS.low ? 'low' : share <= LIMITS.mid ? 'mid' : 'high';

/** An age in steps, so that a junction that is silent for long is not drawn anew each second. */
const coarse = (seconds: number): number => {
  const step = seconds < 60 ? 5 : 60;
  return Math.floor(seconds / step) * step;
};

/**
 * How the devices of a junction are: what was heard since the row was fetched counts before it. That one is gone says nothing of the others, of
 * which not all need have been heard yet: whether any is left the server knows, and the row is fetched again then.
 */
function healthOf(row: Overview, fetchedAt: number, live: JunctionLive): { fault: string | null; online: boolean } {
  const newest = [...live.devices.values()].filter(({ at }) => isNewer(at, fetchedAt)).map(({ frame }) => frame);
  const present = newest.filter(({ online }) => online);
  // Who counts only says nothing of the lamps.
  const controllers = present.flatMap(({ controller }) => controller ?? []);
  return {
    fault: controllers.length > 0 ? (controllers.find(({ fault }) => fault)?.fault ?? null) : (row.fault ?? null),
    online: present.length > 0 || row.status !== 'offline',
  };
}

/** What matters about a junction that is there and has no fault. */
export function kindOf(signal: SignalState | null, mode: string, hasPlan: boolean): Kind {
  // Whoever decides: no stage has green.
  if (signal === 'dark' || signal === 'flash') return signal;
  if (mode === 'emergency') return 'emergency';
  if (mode === 'manual_override') return 'manual';
  if (signal === null) return 'unknown';
  return hasPlan ? 'ok' : 'own';
}

/** State of a junction from what was fetched at `fetchedAt` and what was heard since, at `now` (both milliseconds of `Date.now()`). */
export function stateOf(row: Overview, fetchedAt: number, live: JunctionLive, now: number): JunctionState {
  const fetched = row.signal as SignalFrame | null | undefined;
  const heard = live.signal;
  // The two are told by one clock, that of the junction; when an answer came says less.
  const fetchedIsNewer = fetched != null && (!heard || isLater(fetched, heard.frame));
  const newest = fetchedIsNewer ? fetched : heard?.frame;
  const at = fetchedIsNewer
    ? toldAt(fetched, heard, fetchedAt - (row.signal_age_s ?? 0) * 1000)
    : (heard?.at ?? -Infinity);
  const ageMs = now - at;
  const stale = Number.isFinite(ageMs) && ageMs > STALE_MS;
  const { fault, online } = healthOf(row, fetchedAt, live);
  const mode = heard && isNewer(heard.at, fetchedAt) ? heard.frame.mode : row.current_mode;
  const signal = stale ? null : (newest?.state ?? null);
  const kind = fault
    ? 'fault'
    : row.status === 'maintenance'
      ? 'maintenance'
      : !online
        ? 'offline'
        : kindOf(signal, mode, newest?.plan_id !== null);
  const known = queuesHold(online, stale);
  return {
    id: row.junction_id,
    name: row.junction_name,
    city: row.city,
    latitude: row.latitude,
    longitude: row.longitude,
    kind,
    fault,
    stage: stale ? null : (newest?.stage ?? null),
    signal,
    staleS: stale ? coarse(ageMs / 1000) : null,
    queue: known ? (row.queue ?? null) : null,
    congestion: known ? congestionOf(row.congestion) : null,
    vehicles: row.vehicles_15_min,
    alarms: row.open_alarms,
    severity: row.severity ?? null,
  };
}

/** Whether something of the junction is heard, and nobody works on it. */
export const isOnline = ({ kind }: JunctionState): boolean => kind !== 'offline' && kind !== 'maintenance';

export type Filter = 'all' | 'attention' | 'overridden' | 'congested';

export const needsAttention = (state: JunctionState): boolean =>
  state.kind === 'fault' ||
  state.kind === 'offline' ||
  state.kind === 'dark' ||
  state.kind === 'flash' ||
  state.staleS !== null ||
  state.severity === 'critical' ||
  state.severity === 'error';

const FILTERS: Record<Filter, (state: JunctionState) => boolean> = {
  all: () => true,
  attention: needsAttention,
  overridden: ({ kind }) => kind === 'manual' || kind === 'emergency',
  congested: ({ congestion }) => congestion === 'high',
};

/** The junctions that a filter and a search leave. */
export function select(states: readonly JunctionState[], filter: Filter, search: string): JunctionState[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return states.filter((state) => {
    const text = `${state.name} ${state.city}`.toLocaleLowerCase();
    return FILTERS[filter](state) && words.every((word) => text.includes(word));
  });
}

/** The state before where nothing differs, so that what is drawn of it stays. */
export function keepSame(before: ReadonlyMap<string, JunctionState>, next: JunctionState): JunctionState {
  const old = before.get(next.id);
  const same = old && (Object.keys(next) as (keyof JunctionState)[]).every((key) => old[key] === next[key]);
  return same ? old : next;
}
