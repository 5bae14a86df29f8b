import { expect, it } from 'vitest';
import { stateOf } from './PlansHistory';

it('only the newest plan of a junction still waits for its word', () => {
  const newest = { plan_id: 'b', state: 'sent' };
  expect(stateOf(newest, newest)).toBe('sent');
  expect(stateOf({ plan_id: 'a', state: 'sent' }, newest)).toBe('unconfirmed');
  expect(stateOf({ plan_id: 'a', state: 'replaced' }, newest)).toBe('replaced');
  expect(stateOf({ plan_id: 'a', state: 'of a newer server' }, undefined)).toBe('sent');
});
