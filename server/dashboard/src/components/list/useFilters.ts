import { useCallback, useMemo } from 'react';
import { useAddress } from './useAddress';

/** Filters of a list as they stand in the address, so that it can be passed on; one that is not set is null. */
export function useFilters<K extends string>(
  names: readonly K[],
): [Record<K, string | null>, (name: K, value: string | null) => void] {
  const [params, change] = useAddress();
  const key = names.join();
  const values = useMemo(
    () =>
      Object.fromEntries(key.split(',').map((name) => [name, params.get(name) || null])) as Record<K, string | null>,
    [params, key],
  );
  const set = useCallback(
    (name: K, value: string | null) =>
      change((params) => {
        if (value) params.set(name, value);
        else params.delete(name);
      }),
    [change],
  );
  return [values, set];
}
