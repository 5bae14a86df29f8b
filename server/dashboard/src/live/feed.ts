import { session } from '@/api/session';
import type { Frame } from './frames';
import { LiveSocket, type LinkState } from './socket';
import { LiveStore } from './store';

/** What is heard of all junctions. */
export const store = new LiveStore((run) => {
  // A page in the background gets no animation frames.
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
});

/** State of the feed, and when the next attempt to connect comes. */
export interface Link {
  state: LinkState;
  retryAt: number | null;
  /** Since when it is known that nothing is heard any more, milliseconds of `Date.now()`; null: the feed runs, or has not yet. */
  lostAt: number | null;
  /** When anything was heard last while it ran; null as above. */
  heardAt: number | null;
}

/** When what is shown was last heard of, milliseconds of `Date.now()`: a line that fell silent is noticed long after that. */
export const heardOf = ({ heardAt, lostAt }: Pick<Link, 'heardAt' | 'lostAt'>): number | null => heardAt ?? lostAt;

let link: Link = { state: 'stopped', retryAt: null, lostAt: null, heardAt: null };
const watchers = new Set<() => void>();
const readers = new Set<(frame: Frame) => void>();
const starters = new Set<() => void>();

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const socket = new LiveSocket(
  {
    url: `${scheme}://${location.host}/ws/live`,
    open: (url) => new WebSocket(url),
    token: () => session.token(),
    renew: () => session.renew(),
    random: Math.random,
  },
  {
    onState: (state, retryAt, heardAt) => {
      const running = state === 'live' || state === 'stopped';
      link = {
        state,
        retryAt,
        heardAt: running ? null : heardAt,
        lostAt: running ? null : (link.lostAt ?? (link.state === 'live' || state === 'lost' ? Date.now() : null)),
      };
      for (const watcher of watchers) watcher();
    },
    onReady: () => {
      store.forgetStatuses();
      for (const starter of starters) starter();
    },
    onFrame: (frame) => {
      store.take(frame, Date.now());
      for (const reader of readers) reader(frame);
    },
  },
);

const add = <T>(set: Set<T>, item: T): (() => void) => {
  set.add(item);
  return () => set.delete(item);
};

/** The live feed of this page; it runs while somebody is signed in. */
export const feed = {
  link: (): Link => link,
  watch: (watcher: () => void) => add(watchers, watcher),
  /** Calls `reader` with each frame. */
  read: (reader: (frame: Frame) => void) => add(readers, reader),
  /** Calls `starter` whenever the feed runs anew: what was before is to be fetched. */
  onReady: (starter: () => void) => add(starters, starter),
  retry: () => socket.now(),
};

session.subscribe(() => {
  if (session.state() !== 'signedIn') {
    socket.stop();
    store.clear();
    return;
  }
  socket.start();
  // A renewed token is handed on before the old one ends.
  void session.token().then(
    (token) => token && socket.renewed(token),
    () => undefined,
  );
});
window.addEventListener('online', () => socket.now());
window.addEventListener('offline', () => socket.lost());
