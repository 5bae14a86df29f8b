import { queryOptions, useQuery } from '@tanstack/react-query';
import { all, api, data, page } from './client';

/** All junctions that the user may look at, by name. */
export const useJunctions = () =>
  useQuery({
    queryKey: ['junctions', 'list'],
    queryFn: ({ signal }) =>
      all((cursor) => page(api.GET('/api/junctions/', { params: { query: { limit: 500, cursor } }, signal }))),
  });

/** Lanes, groups, stages and limits of a junction. */
export const layoutOptions = (id: string) =>
  queryOptions({
    queryKey: ['junction', id, 'layout'],
    queryFn: ({ signal }) =>
      data(api.GET('/api/junctions/{junction_id}/layout', { params: { path: { junction_id: id } }, signal })),
  });

export const useLayout = (id: string) => useQuery(layoutOptions(id));
