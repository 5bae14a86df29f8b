import { queryOptions, useQuery } from '@tanstack/react-query';
import { all, api, page } from './client';

const users = queryOptions({
  queryKey: ['users', 'all'],
  queryFn: async ({ signal }) => {
    const rows = await all((cursor) =>
      page(api.GET('/api/users/', { params: { query: { limit: 500, cursor } }, signal })),
    );
    return rows.sort((a, b) => a.username.localeCompare(b.username));
  },
  refetchInterval: 60_000,
});

/** Everybody who is registered, by name; for administrators. */
export const useUsers = () => useQuery(users);
