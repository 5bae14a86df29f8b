import { useEffect, useSyncExternalStore } from 'react';

/** Where something is changed: in a view, or in a form above it, which leads on to other views itself once it is sent. */
type Place = 'view' | 'form';

/** How many things on the page are changed and not saved. */
const counts: Record<Place, number> = { view: 0, form: 0 };
const watchers = new Set<() => void>();
/** Whether something on the page is not saved. */
export const anyUnsaved = (): boolean => counts.view + counts.form > 0;

/** The browser asks before the page goes. */
const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function add(place: Place, by: 1 | -1): void {
  counts[place] += by;
  if (anyUnsaved()) window.addEventListener('beforeunload', ask);
  else window.removeEventListener('beforeunload', ask);
  for (const watcher of watchers) watcher();
}

/** While `changed`, nobody leaves without being asked. */
export function useUnsaved(changed: boolean, place: Place = 'view'): void {
  useEffect(() => {
    if (!changed) return;
    add(place, 1);
    return () => add(place, -1);
  }, [changed, place]);
}

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

/** As `anyUnsaved`, for what is drawn. */
export const useAnyUnsaved = (): boolean => useSyncExternalStore(watch, anyUnsaved);

/** Whether something in the view is not saved, whatever stands in a form above it. */
export const useViewUnsaved = (): boolean => useSyncExternalStore(watch, () => counts.view > 0);
