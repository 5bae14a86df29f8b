import { expect, it } from 'vitest';
import { heardOf } from './feed';

it('what is shown is as old as the last that was heard, however late the loss is noticed', () => {
  expect(heardOf({ heardAt: 25_000, lostAt: 100_000 })).toBe(25_000);
  // The feed has never run.
  expect(heardOf({ heardAt: null, lostAt: 100_000 })).toBe(100_000);
});
