import { type FocusEvent, type SyntheticEvent, useMemo, useState } from 'react';

/** Whether somebody is at it by the keyboard: who has pressed a button by the pointer has gone on with that. */
const hasKeyboard = (list: Element): boolean => list.querySelector(':focus-visible') !== null;

/**
 * Rows that come and go by themselves keep their order while somebody is at one of them, with the pointer or the keyboard: what is about to be
 * pressed does not move away. New ones stand below meanwhile.
 */
export function useHeldOrder<R>(rows: readonly R[] | undefined, keyOf: (row: R) => string | number) {
  const [held, setHeld] = useState<readonly (string | number)[] | null>(null);
  const [pointed, setPointed] = useState(false);
  const ordered = useMemo(() => {
    if (!held || !rows) return rows;
    const places = new Map(held.map((key, at) => [key, at]));
    const placeOf = (row: R) => places.get(keyOf(row)) ?? held.length;
    return [...rows].sort((a, b) => placeOf(a) - placeOf(b));
  }, [held, rows, keyOf]);
  const hold = () => setHeld((before) => before ?? ordered?.map(keyOf) ?? null);
  const around = {
    onPointerEnter: () => {
      setPointed(true);
      hold();
    },
    onPointerLeave: ({ currentTarget }: SyntheticEvent) => {
      setPointed(false);
      if (!hasKeyboard(currentTarget)) setHeld(null);
    },
    onFocus: ({ currentTarget }: FocusEvent) => {
      if (hasKeyboard(currentTarget)) hold();
    },
    onBlur: ({ currentTarget, relatedTarget }: FocusEvent) => {
      if (!pointed && !currentTarget.contains(relatedTarget)) setHeld(null);
    },
  };
  return { ordered, around };
}
