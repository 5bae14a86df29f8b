import { describe, expect, it } from 'vitest';
import { COUNTS_MS, heardCount, sums, withCounts } from './counts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
/** A count whose interval ended `ageS` ago. */
const told = (
  laneId: string,
  ageS: number,
  vehicles: number,
  present: number | null,
  lengthS: number | null = 5,
  now = NOW,
) => {
  const at = now - ageS * 1000;
  const start = lengthS === null ? null : new Date(at - lengthS * 1000).toISOString();
  return { laneId, vehicles, present, end: new Date(at).toISOString(), start };
};
const count = (...args: Parameters<typeof told>) => heardCount(told(...args), NOW);

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

describe('what an agent hands over after an outage of hours', () => {
  // What is newest comes first, between it the backlog, its oldest first.
  it('changes neither who waits nor the last minutes but by what ended in them', () => {
    let heard: ReturnType<typeof withCounts> = [];
    const take = (now: number, ...row: Parameters<typeof told>) => {
      heard = withCounts(heard, [told(...row)], now);
      return sums(heard, now);
    };
    let now = NOW;
    for (let ageS = 4 * 3600; ageS > 0; ageS -= 5) {
      // Five intervals of the backlog for one of now.
      if (ageS % 25 === 0) {
        now += 5000;
        take(now, 'N', 0, 1, 2, 5, now);
      }
      expect(take(now, 'N', ageS + (now - NOW) / 1000, 3, 9, 5, now).present.get('N') ?? 2).toBe(2);
    }
    const { counts, present } = sums(heard, now);
    expect(present.get('N')).toBe(2);
    // 60 intervals of 5 s, each with one vehicle; the backlog ended longer ago.
    expect(counts.get('N')).toBe(60);
    expect(heard.length).toBe(60);
  });

  it('is counted among the last minutes in the order of time, each interval once', () => {
    const late = [told('N', 10, 1, 4), told('N', 200, 3, 9), told('N', 100, 2, 8), told('N', 10, 1, 4)];
    const heard = late.reduce<ReturnType<typeof withCounts>>((before, row) => withCounts(before, [row], NOW), []);
    expect(heard.map(({ vehicles }) => vehicles)).toEqual([3, 2, 1]);
    expect([...sums(heard, NOW).present]).toEqual([['N', 4]]);
    expect([...sums(heard, NOW).counts]).toEqual([['N', 6]]);
  });

  it('is not kept once it tells nothing any more', () => {
    const before = withCounts([], [told('N', 10, 1, 4)], NOW);
    expect(withCounts(before, [told('N', 3600, 9, 9), told('N', 10, 1, 4)], NOW)).toBe(before);
    expect(withCounts(before, [], NOW + COUNTS_MS)).toEqual([]);
  });
});
