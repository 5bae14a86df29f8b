import { useBlocker } from 'react-router';
import { useAnyUnsaved } from '@/components/edits/unsaved';
import { LeaveDialog } from './LeaveDialog';

/** Asks before a view is left in which something is not saved. */
export function LeaveGuard() {
  const unsaved = useAnyUnsaved();
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => unsaved && currentLocation.pathname !== nextLocation.pathname,
  );
  const blocked = blocker.state === 'blocked';
  return (
    <LeaveDialog opened={blocked} stay={() => blocked && blocker.reset()} go={() => blocked && blocker.proceed()} />
  );
}
