import { useQuery } from '@tanstack/react-query';
import { startTransition, useEffect, useRef, useState } from 'react';
import { overviewOptions } from '@/api/junctions';
import { store } from '@/live/feed';
import { type JunctionState, keepSame, stateOf } from './states';

/** Queues and counts of the last minutes need no more, milliseconds. */
const AGAIN_MS = 30_000;
/** What is heard is drawn so often, milliseconds: enough for a whole city. */
const DRAW_MS = 1000;

/** The city at a glance, as it was fetched. */
export const useOverview = () => useQuery({ ...overviewOptions, refetchInterval: AGAIN_MS });

/** State of every junction, from what was fetched and what is heard; an element stays the same object until its junction changes. */
export function useCityStates(): { states: JunctionState[] | undefined; query: ReturnType<typeof useOverview> } {
  const query = useOverview();
  const { data, dataUpdatedAt } = query;
  const [states, setStates] = useState<JunctionState[]>();
  const known = useRef<Map<string, JunctionState>>(null);
  useEffect(() => {
    if (!data) return undefined;
    const draw = () => {
      const now = Date.now();
      const before = known.current ?? new Map<string, JunctionState>();
      const next = data.map((row) => keepSame(before, stateOf(row, dataUpdatedAt, store.get(row.junction_id), now)));
      // Of the first look also that there is none.
      const changed =
        !known.current || next.length !== before.size || next.some((state) => before.get(state.id) !== state);
      known.current = new Map(next.map((state) => [state.id, state]));
      // In pieces: a change of many rows is no task that holds up who types or scrolls.
      if (changed) startTransition(() => setStates(next));
    };
    draw();
    const timer = setInterval(draw, DRAW_MS);
    return () => clearInterval(timer);
  }, [data, dataUpdatedAt]);
  return { states: data && states, query };
}
