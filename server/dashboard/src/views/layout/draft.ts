import type { components } from '@/api/schema';
import type { Layout } from '@/api/types';
import { type Field, numberOf } from '@/components/field';
import { newUuid } from '@/components/uuid';

type Schemas = components['schemas'];

export interface LaneDraft {
  /** Of the lane, or of this page only while the lane is new. */
  key: string;
  isNew: boolean;
  name: string;
  direction: string | null;
}

/** What a pedestrian head has beside other groups. An empty time: the junction takes its own. */
export interface CrossingDraft {
  walk: Field;
  clearance: Field;
  button: boolean;
}

export const NO_CROSSING: CrossingDraft = { walk: '', clearance: '', button: false };

export interface GroupDraft {
  key: string;
  name: string;
  kind: string;
  /** Keys of lanes. */
  lanes: string[];
  exits: string[];
  crossing: CrossingDraft;
}

export interface StageDraft {
  key: string;
  name: string;
  /** Keys of groups. */
  groups: string[];
  min: Field;
  max: Field;
  skip: boolean;
}

/** Two groups that may have green together. */
export interface PairDraft {
  a: string;
  b: string;
  yields: boolean;
}

export interface IntergreenDraft {
  from: string;
  to: string;
  seconds: Field;
}

export interface SignalDraft {
  amber_s: Field;
  all_red_s: Field;
  red_amber_s: Field;
  longest_red_s: Field;
  stage_order: string;
}

/** A junction's layout as the editor has it: what belongs together knows the other by a key, so that a new name breaks nothing. */
export interface Draft {
  lanes: LaneDraft[];
  /** Null: a signal group for each lane, named as the lane; lanes' keys stand for them. */
  groups: GroupDraft[] | null;
  stages: StageDraft[];
  pairs: PairDraft[];
  intergreens: IntergreenDraft[];
  signal: SignalDraft;
}

/** The document's pairs and intergreens, which its schema leaves open. */
interface Open {
  compatible?: { a: string; b: string; yield?: boolean }[];
  intergreens?: { from: string; to: string; seconds: number }[];
}

/** Groups that stages may name, by key. */
export const groupsOf = (draft: Draft): { key: string; name: string }[] => draft.groups ?? draft.lanes;

/** A key that nothing in the draft has. */
export function freshKey(draft: Draft, kind: string): string {
  const taken = new Set([...draft.lanes, ...(draft.groups ?? []), ...draft.stages].map(({ key }) => key));
  let number = 1;
  while (taken.has(`${kind} ${number}`)) number += 1;
  return `${kind} ${number}`;
}

export function draftOf(layout: Layout): Draft {
  const open = layout as unknown as Open;
  const lanes = [...layout.lanes]
    .sort((a, b) => a.lane_index - b.lane_index)
    .map((lane) => ({
      key: lane.lane_id,
      isNew: false,
      name: lane.lane_name,
      direction: lane.direction_enum ?? null,
    }));
  const groups = (layout.groups ?? []).map((group, at) => ({
    key: `group ${at + 1}`,
    name: group.name,
    kind: group.kind ?? 'vehicle',
    lanes: group.lanes ?? [],
    exits: group.exits ?? [],
    crossing: { walk: group.walk_s ?? '', clearance: group.clearance_s ?? '', button: group.button ?? false },
  }));
  // A group for each lane and named as it is what a junction has without groups of its own.
  const perLane =
    groups.length === 0 ||
    (groups.length === lanes.length &&
      lanes.every(({ key, name }) =>
        groups.some(
          (group) =>
            group.name === name &&
            group.kind === 'vehicle' &&
            group.exits.length === 0 &&
            group.lanes.length === 1 &&
            group.lanes[0] === key,
        ),
      ));
  const known = new Map((perLane ? lanes : groups).map(({ key, name }) => [name, key]));
  const keyOf = (name: string) => known.get(name) ?? name;
  const signal = layout.signal;
  return {
    lanes,
    groups: perLane ? null : groups,
    stages: layout.stages.map((stage, at) => ({
      key: `stage ${at + 1}`,
      name: stage.stage,
      groups: stage.groups.map(keyOf),
      min: stage.min_green_s,
      max: stage.max_green_s,
      skip: stage.skip ?? false,
    })),
    pairs: (open.compatible ?? []).map((pair) => ({ a: keyOf(pair.a), b: keyOf(pair.b), yields: pair.yield ?? false })),
    intergreens: (open.intergreens ?? []).map(({ from, to, seconds }) => ({
      from: keyOf(from),
      to: keyOf(to),
      seconds,
    })),
    signal: {
      amber_s: signal?.amber_s ?? 3,
      all_red_s: signal?.all_red_s ?? 2,
      red_amber_s: signal?.red_amber_s ?? 0,
      longest_red_s: signal?.longest_red_s ?? 180,
      stage_order: signal?.stage_order ?? 'fixed',
    },
  };
}

/** Every time has a number. */
export const isComplete = ({ stages, intergreens, signal }: Draft): boolean =>
  [
    ...stages.flatMap(({ min, max }) => [min, max]),
    ...intergreens.map(({ seconds }) => seconds),
    ...[signal.amber_s, signal.all_red_s, signal.red_amber_s, signal.longest_red_s],
  ].every((field) => numberOf(field) !== null);

/** One that is none is sent as none: the server refuses it. */
const sent = (field: Field): number => numberOf(field) ?? NaN;

function crossingOf({ walk, clearance, button }: CrossingDraft): Partial<Schemas['GroupEntry']> {
  const [walk_s, clearance_s] = [numberOf(walk), numberOf(clearance)];
  return { ...(walk_s === null ? {} : { walk_s }), ...(clearance_s === null ? {} : { clearance_s }), button };
}

/** What is sent to the server, which checks it as a whole. */
export function bodyOf(edited: Draft): Schemas['LanesBody'] {
  const draft = withOwnGroups(edited);
  const names = new Map(groupsOf(draft).map(({ key, name }) => [key, name]));
  const nameOf = (key: string) => names.get(key) ?? key;
  const ids = new Map(draft.lanes.map(({ key, isNew }) => [key, isNew ? newUuid() : key]));
  const { signal } = draft;
  const body = {
    lanes: draft.lanes.map((lane, at) => ({
      lane_id: ids.get(lane.key) ?? lane.key,
      lane_index: at,
      lane_name: lane.name,
      direction_enum: lane.direction,
    })),
    groups: (draft.groups ?? []).map(({ name, kind, lanes, exits, crossing }) => ({
      name,
      kind,
      lanes: lanes.map((key) => ids.get(key) ?? key),
      exits,
      ...(kind === 'pedestrian' ? crossingOf(crossing) : {}),
    })),
    stages: draft.stages.map(({ name, groups, min, max, skip }) => ({
      stage: name,
      groups: groups.map(nameOf),
      min_green_s: sent(min),
      max_green_s: sent(max),
      skip,
    })),
    compatible: draft.pairs.map(({ a, b, yields }) => ({ a: nameOf(a), b: nameOf(b), yield: yields })),
    intergreens: draft.intergreens.map(({ from, to, seconds }) => ({
      from: nameOf(from),
      to: nameOf(to),
      seconds: sent(seconds),
    })),
    signal: {
      amber_s: sent(signal.amber_s),
      all_red_s: sent(signal.all_red_s),
      red_amber_s: sent(signal.red_amber_s),
      longest_red_s: sent(signal.longest_red_s),
      stage_order: signal.stage_order,
    },
  };
  return body;
}

/** Without groups that are gone: stages, pairs and intergreens no longer name them. */
function withoutGroup(draft: Draft, key: string): Draft {
  return {
    ...draft,
    stages: draft.stages.map((stage) => ({ ...stage, groups: stage.groups.filter((group) => group !== key) })),
    pairs: draft.pairs.filter(({ a, b }) => a !== key && b !== key),
    intergreens: draft.intergreens.filter(({ from, to }) => from !== key && to !== key),
  };
}

export function removeLane(draft: Draft, key: string): Draft {
  const lanes = draft.lanes.filter((lane) => lane.key !== key);
  if (draft.groups === null) return { ...withoutGroup(draft, key), lanes };
  const groups = draft.groups.map((group) => ({ ...group, lanes: group.lanes.filter((lane) => lane !== key) }));
  return { ...draft, lanes, groups };
}

export const removeGroup = (draft: Draft, key: string): Draft => ({
  ...withoutGroup(draft, key),
  groups: draft.groups?.filter((group) => group.key !== key) ?? null,
});

/** Signal groups of their own begin as those that each lane had; what named a lane's group names the new one. */
export function withOwnGroups(draft: Draft): Draft {
  if (draft.groups !== null) return draft;
  const groups = draft.lanes.map((lane, at) => ({
    key: `group ${at + 1}`,
    name: lane.name,
    kind: 'vehicle',
    lanes: [lane.key],
    exits: [],
    crossing: NO_CROSSING,
  }));
  const keys = new Map(draft.lanes.map((lane, at) => [lane.key, `group ${at + 1}`]));
  const keyOf = (key: string) => keys.get(key) ?? key;
  return {
    ...draft,
    groups,
    stages: draft.stages.map((stage) => ({ ...stage, groups: stage.groups.map(keyOf) })),
    pairs: draft.pairs.map((pair) => ({ ...pair, a: keyOf(pair.a), b: keyOf(pair.b) })),
    intergreens: draft.intergreens.map((row) => ({ ...row, from: keyOf(row.from), to: keyOf(row.to) })),
  };
}

/** One place up or down. */
export function moved<T>(list: readonly T[], at: number, by: -1 | 1): T[] {
  const next = [...list];
  const [item] = next.splice(at, 1);
  if (item !== undefined) next.splice(at + by, 0, item);
  return next;
}
