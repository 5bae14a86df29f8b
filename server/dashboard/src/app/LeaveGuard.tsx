import { NavigationType, useBlocker } from 'react-router';
import { useAnyUnsaved, useViewUnsaved } from '@/components/edits/unsaved';
import { LeaveDialog } from './LeaveDialog';

/** Asks before a view is left in which something is not saved, or with Back from under a form. */
export function LeaveGuard() {
  const [any, inView] = [useAnyUnsaved(), useViewUnsaved()];
  const blocker = useBlocker(
    ({ currentLocation, nextLocation, historyAction }) =>
      (inView || (any && historyAction === NavigationType.Pop)) && currentLocation.pathname !== nextLocation.pathname,
  );
  const blocked = blocker.state === 'blocked';
  return (
    <LeaveDialog opened={blocked} stay={() => blocked && blocker.reset()} go={() => blocked && blocker.proceed()} />
  );
}
