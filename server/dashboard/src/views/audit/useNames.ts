import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useDeviceNames } from '@/api/devices';
import { layoutOptions, useJunctionNames } from '@/api/junctions';
import type { AuditEntry, Layout } from '@/api/types';
import { useUsers } from '@/api/users';
import { junctionsOfLanes } from './detail';

/** Who and what the ids of the audit log are. */
export interface Names {
  /** Of a junction; the beginning of its id where it is gone. */
  junction: (id: string) => string;
  device: (id: string) => string | undefined;
  /** Of a lane of the junctions that the lines tell of; those that are gone have none. */
  lane: (id: string) => string | undefined;
  user: (id: string | null | undefined) => string | undefined;
}

const lanesOf = (layouts: readonly { data?: Pick<Layout, 'lanes'> | undefined }[]): ReadonlyMap<string, string> =>
  new Map(layouts.flatMap(({ data }) => (data?.lanes ?? []).map((lane) => [lane.lane_id, lane.lane_name] as const)));

export function useNames(lines: readonly AuditEntry[] | undefined): Names {
  const junction = useJunctionNames();
  const device = useDeviceNames();
  const { data: users } = useUsers();
  const lanes = useQueries({
    queries: useMemo(() => junctionsOfLanes(lines ?? []).map(layoutOptions), [lines]),
    combine: lanesOf,
  });
  return useMemo(() => {
    const people = new Map(users?.map(({ user_id, username }) => [user_id, username]));
    return { junction, device, lane: (id) => lanes.get(id), user: (id) => people.get(id ?? '') };
  }, [junction, device, lanes, users]);
}
