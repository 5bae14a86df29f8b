import { useCallback, useSyncExternalStore } from 'react';
import { feed, type Link, store } from './feed';
import type { JunctionLive } from './store';

/** State of the live feed. */
export const useLink = (): Link => useSyncExternalStore(feed.watch, feed.link);

/** What is heard of a junction. */
export function useJunctionLive(junction: string): JunctionLive {
  const subscribe = useCallback((listener: () => void) => store.subscribe(junction, listener), [junction]);
  return useSyncExternalStore(subscribe, () => store.get(junction));
}

/** One timer for everybody who wants to know the time at the same pace. */
class Ticker {
  private now = Date.now();
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly everyMs: number;

  constructor(everyMs: number) {
    this.everyMs = everyMs;
  }

  readonly get = (): number => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => {
      this.now = Date.now();
      for (const told of this.listeners) told();
    }, this.everyMs);
    this.now = Date.now();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  };
}

const tickers = new Map<number, Ticker>();

/** The time, again each `everyMs`; for what counts seconds. */
export function useNow(everyMs = 1000): number {
  let ticker = tickers.get(everyMs);
  if (!ticker) tickers.set(everyMs, (ticker = new Ticker(everyMs)));
  return useSyncExternalStore(ticker.subscribe, ticker.get);
}
