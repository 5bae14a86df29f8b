import { MutationCache, QueryClient } from '@tanstack/react-query';
import { ProblemError, Unanswered } from '@/api/problem';
import { session } from '@/api/session';
import { feed } from '@/live/feed';
import type { Frame } from '@/live/frames';

/** Statuses after which the same request may well succeed. */
const PASSING = new Set([0, 502, 503, 504]);

/** What was fetched. Keys: `['junctions', what]`, `['junction', id, what]`, `['alarms']`, `['me', what]`. */
export const queries: QueryClient = new QueryClient({
  // Who may not do what the page has offered has other rights than it knows of: the feed that tells of it may be away.
  mutationCache: new MutationCache({
    onError: (error) => {
      if (error instanceof ProblemError && error.status === 403) void queries.invalidateQueries({ queryKey: ['me'] });
    },
  }),
  defaultOptions: {
    queries: {
      networkMode: 'always',
      refetchOnReconnect: true,
      staleTime: 10_000,
      // Who waits for a line that swallows everything is told soon that nothing comes.
      retry: (failures, error) =>
        failures < (error instanceof Unanswered ? 1 : 2) && error instanceof ProblemError && PASSING.has(error.status),
    },
    // What somebody presses is done now or not at all: an emergency that waits for the network would begin whenever that comes back.
    mutations: { networkMode: 'always' },
  },
});

/** What a frame makes out of date. */
export function outdatedBy(frame: Frame): string[][] {
  switch (frame.type) {
    case 'alarm':
      return [['alarms'], ['junctions']];
    case 'log':
      return [['logs']];
    case 'green_time':
      return [
        ['junction', frame.junction_id, 'plan'],
        ['junction', frame.junction_id, 'plans'],
      ];
    case 'override':
      return [['junction', frame.junction_id], ['junctions']];
    case 'status':
      return [
        ['junction', frame.junction_id, 'plan'],
        // It says which plan it runs and which it refuses.
        ['junction', frame.junction_id, 'plans'],
        ['junction', frame.junction_id, 'devices'],
        ['devices', frame.device_id],
        // Whether another of its devices is left only the server knows. In a city hundreds say each half minute that they are there: the
        // lists of all are fetched for those that go.
        ...(frame.online
          ? []
          : [
              ['junctions', 'overview'],
              ['devices', 'all'],
            ]),
      ];
    case 'rights':
      // Everything: who may see another junction, or one fewer, has other lists.
      return [[]];
    case 'car_count':
    case 'signal':
      return [];
  }
}

/** What live frames have made out of date is fetched again at most once in this time, milliseconds. */
const GATHER_MS = 1000;

/**
 * Hands back what is to hear the live feed. A storm of frames cuts no fetch short, as nothing would arrive while it lasts: what is being fetched
 * when it becomes out of date is fetched once more after that.
 */
export function refetching(client: QueryClient): (frame: Frame) => void {
  const outdated = new Map<string, readonly unknown[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const add = (key: readonly unknown[]) => {
    outdated.set(JSON.stringify(key), key);
    timer ??= setTimeout(fetchAgain, GATHER_MS);
  };
  const fetchAgain = () => {
    timer = undefined;
    const keys = [...outdated.values()];
    outdated.clear();
    const under = new Set(keys.flatMap((queryKey) => client.getQueryCache().findAll({ queryKey })));
    for (const query of under) {
      if (query.state.fetchStatus === 'idle') void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
      else add(query.queryKey);
    }
  };
  return (frame) => outdatedBy(frame).forEach(add);
}

/** Keeps what was fetched in step with the live feed. */
export function followFeed(client: QueryClient): void {
  feed.read(refetching(client));
  feed.onReady(() => void client.invalidateQueries());
  let before = session.state();
  session.subscribe(() => {
    const state = session.state();
    // Only as it ends: what the sign-in page has fetched stays.
    if (state === 'signedOut' && before !== state) client.clear();
    // What was asked for meanwhile was refused.
    if (state === 'signedIn' && before === 'interrupted') void client.invalidateQueries();
    before = state;
  });
}
