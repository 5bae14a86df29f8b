import { queryOptions } from '@tanstack/react-query';
import { api, tagged } from '@/api/client';

/** A junction's schedule, and what holds there at present: that another entry has begun nothing tells. */
export const scheduleOptions = (id: string) =>
  queryOptions({
    queryKey: ['junction', id, 'schedule'],
    queryFn: ({ signal }) =>
      tagged(api.GET('/api/junctions/{junction_id}/schedule', { params: { path: { junction_id: id } }, signal })),
    refetchInterval: 60_000,
  });
