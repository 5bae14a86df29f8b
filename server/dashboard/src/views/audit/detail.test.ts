import { expect, it } from 'vitest';
import { detailLines, targetOf } from './detail';

it('new values are a line each, without those that say nothing', () => {
  const detail = { role: 'operator', is_admin: false, lanes: [], name: null, limits: { max_cycle_s: 60 } };
  expect(detailLines(detail)).toEqual(['role: operator', 'is_admin: false', 'limits: {"max_cycle_s":60}']);
  expect(detailLines(null)).toEqual([]);
});

it('an id is told by the name of its junction, or by its beginning, with all of it beside', () => {
  const id = '7e5bb3c1-9802-4b20-9223-e831bcbd34e0';
  const nameOf = (given: string) => (given === id ? 'Swargate' : given.slice(0, 8));
  expect(targetOf(id, nameOf)).toEqual({ short: 'Swargate', long: id });
  expect(targetOf(id.replace('7', '8'), nameOf).short).toBe('8e5bb3c1');
  expect(targetOf('control.room', nameOf)).toEqual({ short: 'control.room', long: undefined });
  expect(targetOf(null, nameOf).short).toBeNull();
});
