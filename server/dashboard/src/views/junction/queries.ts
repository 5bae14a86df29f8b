import { queryOptions } from '@tanstack/react-query';
import { clock } from '@/api/clock';
import { all, api, data, page } from '@/api/client';
import { COUNTS_MS, HOLDS_MS } from '@/live/counts';

const path = (junction_id: string) => ({ path: { junction_id } });

/** What is fetched of a junction, by what it is. */
export const junctionQueries = {
  row: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'row'],
      queryFn: ({ signal }) => data(api.GET('/api/junctions/{junction_id}', { params: path(id), signal })),
    }),
  signal: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'signal'],
      queryFn: ({ signal }) => data(api.GET('/api/junctions/{junction_id}/signal', { params: path(id), signal })),
    }),
  devices: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'devices'],
      queryFn: ({ signal }) => data(api.GET('/api/junctions/{junction_id}/devices', { params: path(id), signal })),
    }),
  plan: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'plan'],
      queryFn: ({ signal }) =>
        data(api.GET('/api/junctions/{junction_id}/plans/current', { params: path(id), signal })),
      refetchInterval: 30_000,
    }),
  /** Intervals of the last minutes; where none has ended in them, those before that may still tell who waits. */
  recentCounts: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'recent-counts'],
      queryFn: async ({ signal }) => {
        const since = (ageMs: number, limit: number) => {
          const query = { from: new Date(clock.there() - ageMs).toISOString(), limit };
          return (cursor?: string) =>
            page(
              api.GET('/api/junctions/{junction_id}/counts', {
                params: { ...path(id), query: { ...query, cursor } },
                signal,
              }),
            );
        };
        // Five minutes of more than 16 lanes with short intervals are more than a page.
        const recent = await all(since(COUNTS_MS, 1000));
        return recent.length > 0 ? recent : (await since(HOLDS_MS.most, 50)()).rows;
      },
      // Live ones are taken only while somebody looks on.
      refetchOnMount: 'always',
      staleTime: 60_000,
    }),
  newestCycle: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'cycles'],
      queryFn: ({ signal }) =>
        page(api.GET('/api/junctions/{junction_id}/cycles', { params: { ...path(id), query: { limit: 1 } }, signal })),
      refetchInterval: 30_000,
    }),
  quarterHours: (id: string) =>
    queryOptions({
      queryKey: ['junction', id, 'quarter-hours'],
      queryFn: ({ signal }) =>
        data(
          api.GET('/api/junctions/{junction_id}/counts', {
            params: { ...path(id), query: { bucket: '15m', limit: 97 } },
            signal,
          }),
        ),
      refetchInterval: 60_000,
    }),
};
