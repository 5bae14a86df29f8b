import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

/** Filters of a list as they stand in the address, so that it can be passed on; one that is not set is null. */
export function useFilters<K extends string>(
  names: readonly K[],
): [Record<K, string | null>, (name: K, value: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const key = names.join();
  const values = useMemo(
    () =>
      Object.fromEntries(key.split(',').map((name) => [name, params.get(name) || null])) as Record<K, string | null>,
    [params, key],
  );
  const set = useCallback(
    (name: K, value: string | null) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          if (value) next.set(name, value);
          else next.delete(name);
          return next;
        },
        { replace: true, preventScrollReset: true },
      ),
    [setParams],
  );
  return [values, set];
}
