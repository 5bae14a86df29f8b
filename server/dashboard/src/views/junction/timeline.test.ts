import { describe, expect, it } from 'vitest';
import type { SignalFrame } from '@/live/frames';
import { firstGreens, leftOf, plannedStages, runningOf, timelineOf, stagesOf, stateOf } from './timeline';

const PLAN = [
  { stage: 'N', green_s: 20, min_green_s: 7, max_green_s: 40 },
  { stage: 'S', green_s: 15, min_green_s: 7, max_green_s: 30 },
  { stage: 'E', green_s: 10, min_green_s: 7, max_green_s: 20 },
];
const frame = (change: Partial<SignalFrame> = {}): SignalFrame => ({
  type: 'signal',
  junction_id: 'j',
  t: '2026-01-01T00:00:05.000Z',
  since: '2026-01-01T00:00:00.000Z',
  stage: 'S',
  state: 'green',
  groups: {},
  plan_id: 'p',
  mode: 'automatic',
  cycle_second: 30,
  ...change,
});

describe('the timeline', () => {
  it('counts by the difference of two times of each clock', () => {
    // This machine's clock is years away from the junction's.
    const timeline = timelineOf(frame(), 1000, 4000, PLAN);
    expect(timeline?.second).toBe(33);
    const running = timeline?.segments[0];
    expect(running).toMatchObject({ stage: 'S', kind: 'green', elapsedS: 8, greenS: 15 });
    expect(running && leftOf(running)).toEqual({ least: 0, planned: 7, most: 22 });
  });

  it('never counts back from what was just heard', () => {
    expect(timelineOf(frame({ cycle_second: 0 }), 2000, 1000, PLAN)?.second).toBe(0);
  });

  it('goes once around the plan from the running stage on', () => {
    const names = (change: Partial<SignalFrame>) =>
      timelineOf(frame(change), 0, 0, PLAN)?.segments.map(({ stage, kind }) => `${stage} ${kind}`);
    expect(names({})).toEqual(['S green', 'E next', 'N next', 'S next']);
    expect(names({ state: 'amber', next_stage: 'N' })).toEqual(['S clearing', 'N next', 'S next', 'E next']);
    expect(names({ state: 'red_amber' })).toEqual(['S clearing', 'S next', 'E next', 'N next']);
    expect(names({ stage: 'X' })).toEqual(['X green']);
  });

  it('has nothing after the green of an emergency', () => {
    const timeline = timelineOf(frame({ mode: 'emergency' }), 0, 0, PLAN);
    expect(timeline?.segments.map(({ stage, kind }) => `${stage} ${kind}`)).toEqual(['S green']);
  });

  it('is exact in an override, and where a plan gives no range', () => {
    const first = (change: Partial<SignalFrame>, plan = PLAN) => timelineOf(frame(change), 0, 0, plan)?.segments[0];
    expect(first({ mode: 'manual_override' })).toMatchObject({ exact: true, leastS: 15, mostS: 15 });
    expect(first({}, [{ stage: 'S', green_s: 12 } as (typeof PLAN)[number]])).toMatchObject({ exact: true, mostS: 12 });
    expect(first({})).toMatchObject({ exact: false, leastS: 7, mostS: 30 });
  });

  it('is not there while the signal is in no stage', () => {
    expect(timelineOf(frame({ stage: null, state: 'flash' }), 0, 0, PLAN)).toBeNull();
    expect(timelineOf(frame({ state: 'dark' }), 0, 0, PLAN)).toBeNull();
  });

  it('takes no stages but stages', () => {
    expect(plannedStages([{ stage: 'N', green_s: 5 }, { stage: 3 }, null, 'x'])).toEqual([{ stage: 'N', green_s: 5 }]);
    expect(plannedStages(undefined)).toEqual([]);
  });
});

it('the plan that runs is the one that the junction has confirmed', () => {
  const plan = (state: string) => ({ state }) as never;
  const stateOf = (now: string, before?: string) => {
    const current = { plan: plan(now), previous: before === undefined ? null : plan(before) };
    return runningOf(current) === current.plan ? 'plan' : runningOf(current) === undefined ? 'none' : 'previous';
  };
  expect([stateOf('running', 'replaced'), stateOf('pending', 'running'), stateOf('refused', 'running')]).toEqual([
    'plan',
    'previous',
    'previous',
  ]);
  expect([stateOf('refused'), stateOf('sent', 'replaced')]).toEqual(['none', 'none']);
  expect(runningOf(undefined)).toBeUndefined();
});

describe('the greens that a person begins with', () => {
  const stages = ['N', 'S'].map((stage) => ({ stage, groups: [], min_green_s: 7, max_green_s: 30 }));
  const plan = (state: string, greens: Record<string, number>) =>
    ({ state, stages: Object.entries(greens).map(([stage, green_s]) => ({ stage, green_s })) }) as never;

  it('are those that run, within their limits', () => {
    const current = { plan: plan('pending', { N: 10, S: 10 }), previous: plan('running', { N: 40, S: 12.4 }) };
    expect(firstGreens({ stages }, current)).toEqual({ greens: { N: 30, S: 12 }, assumed: false });
  });

  it('are said to be assumed where nothing is known', () => {
    expect(firstGreens({ stages }, undefined)).toEqual({ greens: { N: 25, S: 25 }, assumed: true });
    expect(firstGreens({ stages }, { plan: plan('running', { N: 10 }) }).assumed).toBe(true);
  });
});

it('greens by hand are those of the fields: none while one is missing, but of stages that may be skipped', () => {
  const stages = [
    { stage: 'NS', groups: [], min_green_s: 7, max_green_s: 60 },
    { stage: 'walk', groups: [], min_green_s: 7, max_green_s: 60, skip: true },
  ];
  expect(stagesOf({ stages }, { NS: 12, walk: '8' })).toEqual([
    { stage: 'NS', green_s: 12 },
    { stage: 'walk', green_s: 8 },
  ]);
  expect(stagesOf({ stages }, { NS: 12, walk: '' })).toEqual([{ stage: 'NS', green_s: 12 }]);
  for (const missing of ['', ' ', '-']) expect(stagesOf({ stages }, { NS: missing, walk: 8 })).toBeNull();
});

it('a plan that the junction has taken waits while something else has command of the lamps', () => {
  expect(stateOf({ state: 'running' }, null)).toBe('waits');
  expect(stateOf({ state: 'running' }, 'p')).toBe('running');
  // Nobody knows what the lamps follow.
  expect(stateOf({ state: 'running' }, undefined)).toBe('running');
  expect(stateOf({ state: 'refused' }, null)).toBe('refused');
});
