import { expect, it } from 'vitest';
import { sums } from './useJunction';

it('vehicles that waited at the end of an old interval are not waiting now', () => {
  const now = 1_000_000;
  const count = (laneId: string, ageS: number, vehicles: number, present: number | null) => ({
    laneId,
    vehicles,
    present,
    at: now - ageS * 1000,
  });
  const heard = [count('N', 310, 9, 9), count('N', 40, 2, 3), count('S', 25, 1, 4), count('S', 10, 1, null)];
  const { counts, present } = sums(heard, now);
  expect([...counts]).toEqual([
    ['N', 2],
    ['S', 2],
  ]);
  expect([...present]).toEqual([['S', 4]]);
});
