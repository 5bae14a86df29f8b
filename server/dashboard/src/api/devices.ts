import { queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { all, api, page } from './client';

/** All devices of the junctions that the user may look at. */
export const devicesOptions = queryOptions({
  queryKey: ['devices', 'all'],
  queryFn: ({ signal }) =>
    all((cursor) => page(api.GET('/api/devices', { params: { query: { limit: 500, cursor } }, signal }))),
});

/** Names of devices; undefined: the device has none, is gone, or is no device. */
export function useDeviceNames(): (id: string) => string | undefined {
  const { data: devices } = useQuery({ ...devicesOptions, staleTime: 60_000 });
  return useMemo(() => {
    const names = new Map(devices?.map((device) => [device.device_id, device.device_name]));
    return (id) => names.get(id) ?? undefined;
  }, [devices]);
}
