import { useEffect, useSyncExternalStore } from 'react';

/** How many things on the page are changed and not saved. */
let count = 0;
const watchers = new Set<() => void>();

/** The browser asks before the page goes. */
const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function add(by: 1 | -1): void {
  count += by;
  if (count === 1 && by === 1) window.addEventListener('beforeunload', ask);
  if (count === 0) window.removeEventListener('beforeunload', ask);
  for (const watcher of watchers) watcher();
}

/** While `changed`, nobody leaves without being asked. */
export function useUnsaved(changed: boolean): void {
  useEffect(() => {
    if (!changed) return;
    add(1);
    return () => add(-1);
  }, [changed]);
}

const watch = (watcher: () => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

/** Whether something on the page is not saved. */
export const useAnyUnsaved = (): boolean => useSyncExternalStore(watch, () => count > 0);
