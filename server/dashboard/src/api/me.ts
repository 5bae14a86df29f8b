import { queryOptions, useQuery } from '@tanstack/react-query';
import { all, api, data, page } from './client';

const me = queryOptions({
  queryKey: ['me', 'user'],
  queryFn: ({ signal }) => data(api.GET('/api/users/me', { signal })),
  staleTime: 60_000,
});

const access = queryOptions({
  queryKey: ['me', 'access'],
  queryFn: ({ signal }) =>
    all((cursor) => page(api.GET('/api/users/me/access', { params: { query: { cursor } }, signal }))),
  staleTime: 60_000,
});

/** The signed-in user. */
export const useMe = () => useQuery(me);

/** Whether the signed-in user may act at a junction. The server decides; this only hides what it would refuse. */
export function useMayOperate(junctionId: string): boolean {
  const user = useMe();
  const granted = useQuery({ ...access, enabled: user.data?.is_admin === false });
  if (user.data?.is_admin) return true;
  return granted.data?.some((grant) => grant.junction_id === junctionId && grant.role === 'operator') ?? false;
}
