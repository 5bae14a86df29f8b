import { expect, it } from 'vitest';
import { detailLines } from './detail';

const ID = '7e5bb3c1-9802-4b20-9223-e831bcbd34e0';
const names = {
  junction: (id: string) => (id === ID ? 'Swargate' : id.slice(0, 8)),
  device: () => undefined,
  user: (id: string | null | undefined) => (id === ID.replace('7', '9') ? 'asha' : undefined),
};

it('new values are a line each, without those that say nothing', () => {
  const detail = { role: 'operator', is_admin: false, lanes: [], name: null, limits: { max_cycle_s: 60 } };
  expect(detailLines(detail, names)).toEqual(['role: operator', 'is_admin: false', 'limits: {"max_cycle_s":60}']);
  expect(detailLines(null, names)).toEqual([]);
});

it('ids are told by name where anybody knows one', () => {
  const detail = { to_junction: ID, user_id: ID.replace('7', '9'), from_lanes: [ID.replace('7', '8')] };
  expect(detailLines(detail, names)).toEqual(['to_junction: Swargate', 'user_id: asha', 'from_lanes: ["8e5bb3c1"]']);
});
