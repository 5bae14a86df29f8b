import { expect, it } from 'vitest';
import { Format } from '@/i18n/format';
import { detailLines, junctionsOfLanes } from './detail';

const ID = '7e5bb3c1-9802-4b20-9223-e831bcbd34e0';
const LANE = ID.replace('7', '6');
const told = (detail: unknown) => detailLines(detail, names, new Format('en-IN', String as never, 'Asia/Kolkata'));
const names = {
  junction: (id: string) => (id === ID ? 'Swargate' : id.slice(0, 8)),
  device: () => undefined,
  lane: (id: string) => (id === LANE ? 'North left' : undefined),
  user: (id: string | null | undefined) => (id === ID.replace('7', '9') ? 'asha' : undefined),
};

it('new values are a line each, without those that say nothing', () => {
  const detail = { role: 'operator', is_admin: false, lanes: [], name: null, limits: { max_cycle_s: 60 } };
  expect(told(detail)).toEqual(['role: operator', 'is_admin: false', 'limits: {"max_cycle_s":60}']);
  expect(told(null)).toEqual([]);
});

it('ids are told by name where anybody knows one', () => {
  const detail = { to_junction: ID, user_id: ID.replace('7', '9'), from_lanes: [ID.replace('7', '8')] };
  expect(told(detail)).toEqual(['to_junction: Swargate', 'user_id: asha', 'from_lanes: ["8e5bb3c1"]']);
});

it('times are those of the zone, with the year', () => {
  const year = new Date().getFullYear();
  expect(told({ valid_until: `${year}-03-31T18:30:00Z`, span: { from: '2026-02-01T00:00:00.000Z' } })).toEqual([
    `valid_until: 1 Apr ${year}, 00:00`,
    'span: {"from":"1 Feb 2026, 05:30"}',
  ]);
});

it('lanes are told by their names, which are those of the junctions that lines tell of', () => {
  expect(told({ lane_id: LANE, from_lanes: [LANE] })).toEqual(['lane_id: North left', 'from_lanes: ["North left"]']);
  const lines = [
    { junction_id: 'b', detail: { from_lanes: [] } },
    { junction_id: 'a', detail: { lane_id: LANE } },
    { junction_id: 'a', detail: { lane_id: LANE } },
    { junction_id: 'c', detail: { reason: 'Rain' } },
    { detail: { lane_id: LANE } },
  ];
  expect(junctionsOfLanes(lines)).toEqual(['a', 'b']);
});
