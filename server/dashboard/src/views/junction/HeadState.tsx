import type { SignalFrame } from '@/live/frames';
import { StateSign } from '@/views/city/StateSign';
import { kindOf } from '@/views/city/states';

/** What matters most about a junction that is heard, as the city shows it. */
export function HeadState({ frame, faulty }: { frame: SignalFrame; faulty: boolean }) {
  return (
    <span data-testid="mode">
      <StateSign kind={faulty ? 'fault' : kindOf(frame.state, frame.mode, frame.plan_id !== null)} />
    </span>
  );
}
