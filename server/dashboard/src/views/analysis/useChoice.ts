import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { isDay, type Span } from './span';

/** What is looked at stands in the address, so that it can be sent to somebody. */
export function useChoice() {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (changes: Record<string, string | null>) => {
      setParams(
        (before) => {
          for (const [name, value] of Object.entries(changes)) {
            if (value === null) before.delete(name);
            else before.set(name, value);
          }
          return before;
        },
        { replace: true, preventScrollReset: true },
      );
    },
    [setParams],
  );
  return { get: (name: string) => params.get(name), set };
}

/** The span that was chosen, else the usual one. */
export function useSpan(usual: Span): Span {
  const { get } = useChoice();
  const [from, to] = [get('from'), get('to')];
  const { from: first, to: last } = usual;
  return useMemo(() => ({ from: isDay(from) ? from : first, to: isDay(to) ? to : last }), [from, to, first, last]);
}
