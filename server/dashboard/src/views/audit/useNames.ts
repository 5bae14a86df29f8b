import { useMemo } from 'react';
import { useDeviceNames } from '@/api/devices';
import { useJunctionNames } from '@/api/junctions';
import { useUsers } from '@/api/users';

/** Who and what the ids of the audit log are. */
export interface Names {
  /** Of a junction; the beginning of its id where it is gone. */
  junction: (id: string) => string;
  device: (id: string) => string | undefined;
  user: (id: string | null | undefined) => string | undefined;
}

export function useNames(): Names {
  const junction = useJunctionNames();
  const device = useDeviceNames();
  const { data: users } = useUsers();
  return useMemo(() => {
    const people = new Map(users?.map(({ user_id, username }) => [user_id, username]));
    return { junction, device, user: (id) => people.get(id ?? '') };
  }, [junction, device, users]);
}
