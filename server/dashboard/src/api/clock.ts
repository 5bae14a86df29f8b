/** By how much this machine's clock is ahead of the server's, milliseconds. */
let ahead = 0;
const watchers = new Set<() => void>();

/** The server tells whole seconds, and an answer takes its time: less than this is no difference, milliseconds. */
const NOTABLE_MS = 2000;

/** What this machine's clock is worth. Whoever compares a time that the server told with `Date.now()` takes it `here` first. */
export const clock = {
  aheadMs: (): number => ahead,
  /** A time of the server as this machine's clock showed it. */
  here: (at: string): number => Date.parse(at) + ahead,
  /** The server's time. */
  there: (): number => Date.now() - ahead,
  watch: (watcher: () => void) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
  /** Learns from an answer when the server wrote it (its `Date`), between two times of this machine. */
  learn: (written: string | null, sentAt: number, cameAt: number): void => {
    const second = Date.parse(written ?? '');
    if (Number.isNaN(second) || cameAt < sentAt || cameAt - sentAt > NOTABLE_MS) return;
    const found = (sentAt + cameAt) / 2 - (second + 500);
    if (Math.abs(found - ahead) <= NOTABLE_MS) return;
    ahead = Math.abs(found) <= NOTABLE_MS ? 0 : found;
    for (const watcher of watchers) watcher();
  },
};
