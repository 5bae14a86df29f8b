import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { feed, type Link, store } from './feed';
import type { JunctionLive } from './store';

/** State of the live feed. */
export const useLink = (): Link => useSyncExternalStore(feed.watch, feed.link);

/** What is heard of a junction. */
export function useJunctionLive(junction: string): JunctionLive {
  const subscribe = useCallback((listener: () => void) => store.subscribe(junction, listener), [junction]);
  return useSyncExternalStore(subscribe, () => store.get(junction));
}

/** The time, again each `everyMs`; for what counts seconds. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
