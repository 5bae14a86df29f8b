import { describe, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import {
  bodyOf,
  type Draft,
  draftOf,
  freshKey,
  isComplete,
  moved,
  removeGroup,
  removeLane,
  withOwnGroups,
} from './draft';

const lane = (id: string, lane_index: number) => ({
  lane_id: id,
  lane_index,
  lane_name: id.toUpperCase(),
  direction_enum: null,
});
const group = (name: string, ...lanes: string[]) => ({ name, kind: 'vehicle', lanes });
const stage = (name: string, ...groups: string[]) => ({
  stage: name,
  groups,
  min_green_s: 7,
  max_green_s: 60,
  skip: false,
});

const layout = {
  junction_id: 'j',
  lanes: [lane('s', 3), lane('n', 1)],
  groups: [group('N', 'n'), group('S', 's')],
  stages: [stage('N', 'N'), stage('S', 'S')],
  compatible: [{ a: 'N', b: 'S', yield: true }],
  intergreens: [{ from: 'N', to: 'S', seconds: 6 }],
} as unknown as Layout;

describe('a layout', () => {
  it('comes back as it was, with lanes in their order', () => {
    const draft = draftOf(layout);
    expect(draft.groups).toBeNull();
    const body = bodyOf(draft);
    expect(body.lanes.map(({ lane_id, lane_index }) => [lane_id, lane_index])).toEqual([
      ['n', 0],
      ['s', 1],
    ]);
    expect(body.groups).toEqual([
      { ...group('N', 'n'), exits: [] },
      { ...group('S', 's'), exits: [] },
    ]);
    expect(body.stages).toEqual(layout.stages);
    expect(body.compatible).toEqual(layout.compatible);
    expect(body.intergreens).toEqual(layout.intergreens);
  });

  it('keeps what a crossing needs, as long as it is one', () => {
    const head = { name: 'P', kind: 'pedestrian', lanes: [], exits: [], walk_s: 8, clearance_s: 12.5, button: true };
    const draft = draftOf({ ...layout, groups: [...(layout.groups ?? []), head] });
    expect(bodyOf(draft).groups?.[2]).toEqual(head);
    const other = draft.groups?.map((group) => ({ ...group, kind: 'vehicle' })) ?? null;
    expect(bodyOf({ ...draft, groups: other }).groups?.[2]).toEqual({ ...group('P'), exits: [] });
  });

  it('lacks a number wherever a time is empty', () => {
    const draft = draftOf(layout);
    expect(isComplete(draft)).toBe(true);
    const lacking: Partial<Draft>[] = [
      { stages: draft.stages.map((own) => ({ ...own, min: '' })) },
      { stages: draft.stages.map((own) => ({ ...own, max: ' ' })) },
      { intergreens: draft.intergreens.map((own) => ({ ...own, seconds: '' })) },
      ...Object.keys(draft.signal)
        .filter((name) => name !== 'stage_order')
        .map((name) => ({ signal: { ...draft.signal, [name]: '' } })),
    ];
    expect(lacking.map((part) => isComplete({ ...draft, ...part }))).toEqual(lacking.map(() => false));
  });

  it('takes a new name of a lane or group everywhere', () => {
    const draft = draftOf(layout);
    const body = bodyOf({
      ...draft,
      lanes: draft.lanes.map((own) => (own.key === 'n' ? { ...own, name: 'North' } : own)),
    });
    expect(body.groups?.map(({ name }) => name)).toEqual(['North', 'S']);
    expect(body.stages?.[0]?.groups).toEqual(['North']);
    expect(body.intergreens).toEqual([{ from: 'North', to: 'S', seconds: 6 }]);
    const own = withOwnGroups(draft);
    const renamed = {
      ...own,
      groups: own.groups?.map((each, at) => (at === 1 ? { ...each, name: 'Arrow' } : each)) ?? null,
    };
    expect(bodyOf(renamed).compatible).toEqual([{ a: 'N', b: 'Arrow', yield: true }]);
    expect(bodyOf(renamed).lanes.map(({ lane_name }) => lane_name)).toEqual(['N', 'S']);
  });

  it('no longer names a lane or group that is gone', () => {
    const gone = removeLane(draftOf(layout), 's');
    expect(gone.stages.map(({ groups }) => groups)).toEqual([['n'], []]);
    expect([gone.pairs, gone.intergreens]).toEqual([[], []]);
    const own = withOwnGroups(draftOf(layout));
    const key = own.groups?.[0]?.key ?? '';
    expect(bodyOf(removeGroup(own, key)).stages?.map(({ groups }) => groups)).toEqual([[], ['S']]);
    expect(removeLane(own, 'n').groups?.map(({ lanes }) => lanes)).toEqual([[], ['s']]);
  });

  it('keeps groups of its own as they are', () => {
    const draft = draftOf({ ...layout, groups: [group('both', 'n', 's')], stages: [stage('all', 'both')] });
    expect(draft.groups?.map(({ name, lanes }) => [name, lanes])).toEqual([['both', ['n', 's']]]);
    expect(freshKey(draft, 'group')).toBe('group 2');
    expect(bodyOf(draft).stages?.[0]?.groups).toEqual(['both']);
  });
});

it('rows move by one place', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
});
