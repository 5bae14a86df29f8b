import { expect, it } from 'vitest';
import { daysOf, isDay, lastDays, plusDays, sameWeekdays, today, usualWidth } from './span';

it('a day is that of the junction', () => {
  const at = Date.parse('2026-02-09T20:00:00Z');
  expect(today('Asia/Kolkata', at)).toBe('2026-02-10');
  expect(today('UTC', at)).toBe('2026-02-09');
});

it('days are counted across months, with both ends', () => {
  expect(lastDays('2026-03-01', 30)).toEqual({ from: '2026-01-31', to: '2026-03-01' });
  expect(daysOf({ from: '2026-01-31', to: '2026-03-01' })).toBe(30);
  expect(daysOf({ from: '2026-03-02', to: '2026-03-01' })).toBe(0);
  expect(plusDays('2026-03-01', -1)).toBe('2026-02-28');
  expect(sameWeekdays('2026-03-03', 2)).toEqual(['2026-02-24', '2026-02-17']);
});

it('a span is drawn in a width that is easily read', () => {
  expect(usualWidth(lastDays('2026-03-01', 1))).toBe('15m');
  expect(usualWidth(lastDays('2026-03-01', 7))).toBe('1h');
  expect(usualWidth(lastDays('2026-03-01', 30))).toBe('1d');
});

it('what is no day is not taken for one', () => {
  expect(['2026-02-10', '2026-02-31x', '10.2.2026', '2026-13-01', null].map(isDay)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
