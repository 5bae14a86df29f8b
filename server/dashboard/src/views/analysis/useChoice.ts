import { useCallback, useMemo } from 'react';
import { useAddress } from '@/components/list/useAddress';
import { isDay, type Span } from './span';

/** What is looked at stands in the address, so that it can be sent to somebody. */
export function useChoice() {
  const [params, change] = useAddress();
  const set = useCallback(
    (changes: Record<string, string | null>) =>
      change((params) => {
        for (const [name, value] of Object.entries(changes)) {
          if (value === null) params.delete(name);
          else params.set(name, value);
        }
      }),
    [change],
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
