import { queryOptions } from '@tanstack/react-query';
import { all, api, page } from './client';

/** All ways between junctions that the user may look at. */
export const linksOptions = queryOptions({
  queryKey: ['links'],
  queryFn: ({ signal }) => all((cursor) => page(api.GET('/api/links', { params: { query: { cursor } }, signal }))),
  refetchInterval: 60_000,
});
