import { queryOptions, useQuery } from '@tanstack/react-query';
import { all, api, data, page } from './client';

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

/** Somebody who is registered; for administrators. */
export const userOptions = (userId: string) =>
  queryOptions({
    queryKey: ['users', userId],
    queryFn: ({ signal }) => data(api.GET('/api/users/{user_id}', { params: { path: { user_id: userId } }, signal })),
    refetchInterval: 60_000,
  });

/** What a user may do at which junctions. */
export const accessOptions = (userId: string) =>
  queryOptions({
    queryKey: ['users', userId, 'access'],
    queryFn: ({ signal }) =>
      all((cursor) =>
        page(
          api.GET('/api/users/{user_id}/access', { params: { path: { user_id: userId }, query: { cursor } }, signal }),
        ),
      ),
    refetchInterval: 60_000,
  });

/** Everybody who is registered, by name; for administrators. */
export const useUsers = () => useQuery(users);
