import { queryOptions, useQuery } from '@tanstack/react-query';
import { all, api, data, page } from './client';
import type { User } from './types';

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

/** Whether a user may act at a junction; undefined: it is not known who that is, or what is granted. */
export function rightOf(
  user: Pick<User, 'is_admin'> | undefined,
  grants: readonly { junction_id: string; role: string }[] | undefined,
  junctionId: string,
): boolean | undefined {
  if (!user) return undefined;
  if (user.is_admin) return true;
  return grants?.some((grant) => grant.junction_id === junctionId && grant.role === 'operator');
}

/** Whether the signed-in user may act at a junction, as it is fetched. The server decides; this only hides what it would refuse. */
export function useRight(junctionId: string) {
  const user = useMe();
  const granted = useQuery({ ...access, enabled: user.data?.is_admin === false });
  return {
    data: rightOf(user.data, granted.data, junctionId),
    error: user.data ? granted.error : user.error,
    refetch: () => (user.data ? granted.refetch() : user.refetch()),
  };
}

/** Whether it is known that the signed-in user may act at a junction. */
export const useMayOperate = (junctionId: string): boolean => useRight(junctionId).data ?? false;
