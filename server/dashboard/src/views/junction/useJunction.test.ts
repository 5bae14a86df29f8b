import { describe, expect, it } from 'vitest';
import { sums } from './useJunction';

const NOW = 1_000_000;
const count = (laneId: string, ageS: number, vehicles: number, present: number | null, lengthS: number | null = 5) => {
  const at = NOW - ageS * 1000;
  const interval = new Date(at).toISOString();
  const start = lengthS === null ? null : new Date(at - lengthS * 1000).toISOString();
  return { laneId, vehicles, present, interval, start, at };
};

it('vehicles that waited at the end of an old interval are not waiting now', () => {
  const heard = [count('N', 310, 9, 9), count('N', 40, 2, 3), count('S', 25, 1, 4), count('S', 10, 1, null)];
  const { counts, present } = sums(heard, NOW);
  expect([...counts]).toEqual([
    ['N', 2],
    ['S', 2],
  ]);
  expect([...present]).toEqual([['S', 4]]);
});

describe('who waits', () => {
  const waits = (ageS: number, lengthS: number | null) => sums([count('N', ageS, 1, 3, lengthS)], NOW).present.get('N');

  it.each([5, 20, 31, 60, 300, 900, 3600])('is known between two intervals of %i s that come in time', (lengthS) => {
    // An agent may tell an interval up to 10 s after its end.
    expect(waits(lengthS + 10, lengthS)).toBe(3);
  });

  it.each([20, 31, 60, 300, 900, 3600])('is not known once an interval of %i s is missed', (lengthS) => {
    expect(waits(2 * lengthS, lengthS)).toBeUndefined();
  });

  it.each([
    ['the sender tells no interval', null],
    ['its interval ends before it begins', -60],
  ])('is known for half a minute where %s', (_, lengthS) => {
    expect([waits(30, lengthS), waits(31, lengthS)]).toEqual([3, undefined]);
  });

  it('is not known for days after an interval that claims to have lasted days', () => {
    expect(waits(3 * 3600, 2 * 86_400)).toBeUndefined();
  });

  it('is of the last minutes alone where that is counted', () => {
    expect([...sums([count('N', 400, 7, 3, 900)], NOW).counts]).toEqual([]);
  });
});
