import { useLayoutEffect, useReducer } from 'react';

interface State {
  typed: string;
  /** As the address had it last. */
  address: string;
  /** What the address is about to have because of what was typed here, in its order. */
  coming: readonly string[];
}

type Step = { type: 'typed' | 'committed' | 'arrived'; text: string };

/** What a field has once the address is `now`. */
function follow(state: State, now: string): State {
  if (now === state.address) return state;
  const at = state.coming.indexOf(now);
  return at < 0
    ? { typed: now, address: now, coming: [] }
    : { ...state, address: now, coming: state.coming.slice(at + 1) };
}

function step(state: State, { type, text }: Step): State {
  if (type === 'arrived') return follow(state, text);
  const last = state.coming.at(-1) ?? state.address;
  const isNew = type === 'committed' && text !== last;
  return { ...state, typed: text, coming: isNew ? [...state.coming, text] : state.coming };
}

/** A text of the address in a field: what is typed is shown at once and `commit`ted to the address; where that changes by itself, as by going back, the field follows. */
export function useTyped(address: string | null, commit: (text: string) => void) {
  const now = address ?? '';
  const [state, dispatch] = useReducer(step, { typed: now, address: now, coming: [] });
  // Only once the address holds: what is stored while rendering outlives a rendering that never comes to hold, such as one of a transition.
  useLayoutEffect(() => dispatch({ type: 'arrived', text: now }), [now]);
  return {
    typed: follow(state, now).typed,
    type: (text: string) => dispatch({ type: 'typed', text }),
    commit: (text: string) => {
      dispatch({ type: 'committed', text });
      commit(text);
    },
  };
}
