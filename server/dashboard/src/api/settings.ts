import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, data } from './client';

const settings = queryOptions({
  queryKey: ['settings'],
  queryFn: ({ signal }) => data(api.GET('/api/settings', { signal })),
  // It changes with a new start of the server, of which the page is told nothing.
  refetchInterval: 60_000,
});

/** The configuration in force; for administrators. */
export const useSettings = () => useQuery(settings);
