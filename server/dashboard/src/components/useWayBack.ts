import { useLayoutEffect, useRef } from 'react';
import { arriveAt } from './arrival';

/** Where somebody was, and what stands around that and takes the focus, the nearest first. */
function placesAround(element: Element | null): HTMLElement[] {
  const places: HTMLElement[] = [];
  for (let at = element; at; at = at.parentElement)
    if (at instanceof HTMLElement && (at === element || at.hasAttribute('tabindex'))) places.push(at);
  return places;
}

/**
 * For a dialog by which what has opened it may vanish, such as a row that is taken away: who closes it goes on at what stood around that. Where
 * it is still there the component library goes back to it.
 */
export function useWayBack(opened: boolean) {
  const inside = useRef<HTMLDivElement>(null);
  const places = useRef<HTMLElement[]>([]);
  // Before the dialog takes the focus.
  useLayoutEffect(() => {
    if (opened) places.current = placesAround(document.activeElement);
  }, [opened]);
  const goBack = () => {
    const [opener, ...around] = places.current;
    if (!opener || opener.isConnected) return;
    const { activeElement } = document;
    // Somebody may have gone on meanwhile.
    const isNowhere =
      activeElement === document.body || inside.current?.closest('[role=dialog]')?.contains(activeElement);
    if (isNowhere) arriveAt(around.find((place) => place.isConnected) ?? null);
  };
  return { inside, goBack };
}
