import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import type { CurrentPlan, DeviceWithDifferences } from '@/api/types';
import { sums } from '@/live/counts';
import type { SignalFrame } from '@/live/frames';
import { store } from '@/live/feed';
import { useJunctionLive, useNow } from '@/live/hooks';
import { type HeardSignal, queuesHold, STALE_MS } from '@/live/store';
import { isPresent, type Told, toldBy } from './health';
import { junctionQueries } from './queries';
import { type PlannedStage, plannedStages } from './timeline';

/** Statuses come every 30 s, and at once on a change, milliseconds. */
const AGAIN_MS = 15_000;

/** What a junction shows at present, from what was fetched and what is heard since. */
export interface Present {
  signal: HeardSignal | null;
  /** Seconds since the lamps were told, when that is too long ago. */
  staleS: number | null;
  /** The lamps as they were fetched: why they are not known, when they are not. */
  lamps: UseQueryResult;
  /** The counts of the last minutes as they were fetched: why there are none, when they could not be. */
  recent: UseQueryResult;
  devices: UseQueryResult<DeviceWithDifferences[]>;
  /** What each device said last. */
  told: Told[];
  /** Whether queues of the newest cycle may be those of now. */
  queuesHold: boolean;
  /** Vehicles of the last five minutes, by lane id. */
  counts: Map<string, number>;
  /** Vehicles at the stop line at the end of the last interval, by lane id; none of an interval that is long over. */
  present: Map<string, number>;
}

/** Greens of the plan that the signal says it runs. */
export function runningStages(current: CurrentPlan | undefined, planId: string | null | undefined): PlannedStage[] {
  if (planId == null) return [];
  const plan = [current?.plan, current?.previous].find((candidate) => candidate?.plan_id === planId);
  return plannedStages(plan?.stages);
}

export function usePresent(id: string): Present {
  const live = useJunctionLive(id);
  const now = useNow();
  const lamps = useQuery(junctionQueries.signal(id));
  const { data: fetched, dataUpdatedAt } = lamps;
  const recent = useQuery(junctionQueries.recentCounts(id));
  const devices = useQuery({ ...junctionQueries.devices(id), refetchInterval: AGAIN_MS });
  useEffect(() => {
    if (fetched?.signal)
      store.recall(
        { ...(fetched.signal as unknown as SignalFrame), junction_id: id },
        fetched.age_s ?? 0,
        dataUpdatedAt,
      );
  }, [id, fetched, dataUpdatedAt]);
  useEffect(() => {
    const rows = (recent.data ?? []).flatMap((row) =>
      'timestamp' in row
        ? [
            {
              laneId: row.lane_id,
              vehicles: row.vehicle_count,
              present: row.present ?? null,
              end: row.timestamp,
              start: row.interval_start ?? null,
            },
          ]
        : [],
    );
    store.takeCounts(id, rows, Date.now());
  }, [id, recent.data]);
  const { counts, present } = useMemo(() => sums(live.counts, now), [live.counts, now]);
  const told = useMemo(
    () => toldBy(devices.data, devices.dataUpdatedAt, live.devices),
    [devices.data, devices.dataUpdatedAt, live.devices],
  );
  // Of a junction of which no device has said anything nobody knows that it is gone.
  const online = told.length === 0 || told.some((device) => isPresent(device, now));
  const ageMs = live.signal ? now - live.signal.at : null;
  const stale = ageMs !== null && ageMs > STALE_MS;
  return {
    signal: live.signal,
    staleS: stale ? Math.floor(ageMs / 1000) : null,
    lamps,
    recent,
    devices,
    told,
    queuesHold: queuesHold(online, stale),
    counts,
    present,
  };
}
