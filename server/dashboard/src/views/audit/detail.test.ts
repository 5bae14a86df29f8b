import { expect, it } from 'vitest';
import { detailLines } from './detail';

it('new values are a line each, without those that say nothing', () => {
  const detail = { role: 'operator', is_admin: false, lanes: [], name: null, limits: { max_cycle_s: 60 } };
  expect(detailLines(detail)).toEqual(['role: operator', 'is_admin: false', 'limits: {"max_cycle_s":60}']);
  expect(detailLines(null)).toEqual([]);
});
