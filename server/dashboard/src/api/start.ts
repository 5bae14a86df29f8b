import { queryOptions } from '@tanstack/react-query';
import { api, data } from './client';

/** What a page needs before anybody has signed in: how the first user comes about, and where map tiles are. */
export const startOptions = queryOptions({
  queryKey: ['start'],
  queryFn: ({ signal }) => data(api.GET('/api/dashboard', { signal })),
  staleTime: Infinity,
});
