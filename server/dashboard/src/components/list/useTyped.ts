import { useState } from 'react';

interface State {
  typed: string;
  /** As the address had it last. */
  address: string;
  /** What the address is about to have because of what was typed here, in its order. */
  coming: readonly string[];
}

/** A text of the address in a field: what is typed is shown at once and `commit`ted to the address; where that changes by itself, as by going back, the field follows. */
export function useTyped(address: string | null, commit: (text: string) => void) {
  const now = address ?? '';
  const [state, setState] = useState<State>({ typed: now, address: now, coming: [] });
  if (now !== state.address) {
    const at = state.coming.indexOf(now);
    setState(
      at < 0
        ? { typed: now, address: now, coming: [] }
        : { ...state, address: now, coming: state.coming.slice(at + 1) },
    );
  }
  return {
    typed: state.typed,
    type: (text: string) => setState((before) => ({ ...before, typed: text })),
    commit: (text: string) => {
      setState((before) => {
        const last = before.coming.at(-1) ?? before.address;
        return { ...before, typed: text, coming: text === last ? before.coming : [...before.coming, text] };
      });
      commit(text);
    },
  };
}
