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
  const known = useRef(new Map<string, JunctionState>());
  useEffect(() => {
    if (!data) return undefined;
    const draw = () => {
      const now = Date.now();
      const next = data.map((row) =>
        keepSame(known.current, stateOf(row, dataUpdatedAt, store.get(row.junction_id), now)),
      );
      const changed = next.length !== known.current.size || next.some((state) => known.current.get(state.id) !== state);
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
