import { type MouseEvent, useEffect, useRef } from 'react';
import { arriveAt } from './arrival';

/** For what stands around buttons that vanish once they have done their work: the focus of who pressed one stays there. */
export function useKeptFocus<E extends HTMLElement>() {
  const around = useRef<E>(null);
  const pressed = useRef<Element | null>(null);
  useEffect(() => {
    if (!pressed.current || pressed.current.isConnected) return;
    pressed.current = null;
    // Somebody may have gone on meanwhile.
    if (document.activeElement === document.body) arriveAt(around.current);
  });
  return {
    ref: around,
    tabIndex: -1,
    onClickCapture: ({ target }: MouseEvent) => {
      pressed.current = target instanceof Element ? target.closest('button, input') : null;
    },
  };
}
