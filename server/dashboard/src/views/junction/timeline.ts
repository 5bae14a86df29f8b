import type { CurrentPlan, Layout } from '@/api/types';
import { type Field, numberOf } from '@/components/field';
import type { SignalFrame } from '@/live/frames';

/** Greens of a stage in a plan, seconds; without a range they run exactly. */
export interface PlannedStage {
  stage: string;
  green_s: number;
  min_green_s?: number | null;
  max_green_s?: number | null;
}

/** A stage of the running cycle or of the next one. */
export interface Segment {
  stage: string;
  /** `green`: it has green; `clearing`: it ends or comes, and lamps show amber or all-red; `next`: it is planned. */
  kind: 'green' | 'clearing' | 'next';
  greenS: number;
  leastS: number;
  mostS: number;
  /** Seconds in the present state; 0 for planned stages. */
  elapsedS: number;
  /** The green runs exactly as long as planned. */
  exact: boolean;
}

export interface Timeline {
  segments: Segment[];
  /** Whole seconds since the cycle began. */
  second: number;
}

/** Reads a plan's stages, which the document leaves open. */
export function plannedStages(stages: unknown): PlannedStage[] {
  if (!Array.isArray(stages)) return [];
  return stages.filter(
    (entry): entry is PlannedStage =>
      typeof entry === 'object' &&
      entry !== null &&
      typeof (entry as PlannedStage).stage === 'string' &&
      typeof (entry as PlannedStage).green_s === 'number',
  );
}

/**
 * The running stage and those that the plan has after it, once around. `at` is when the signal was so and `now` the present, milliseconds of
 * one clock. Null: the signal is in no stage (start-up, flash, dark).
 */
export function timelineOf(
  frame: SignalFrame,
  at: number,
  now: number,
  plan: readonly PlannedStage[],
): Timeline | null {
  const stage = frame.stage;
  if (stage === null || frame.state === 'flash' || frame.state === 'dark') return null;
  // The page's clock ticks seldom: it may lie before what was just heard.
  const since = Math.max(0, (now - at) / 1000);
  // Two times of the junction, and two of this machine: their clocks may differ.
  const elapsedS = Math.max(0, (Date.parse(frame.t) - Date.parse(frame.since)) / 1000 + since);
  const segment = (entry: PlannedStage, kind: Segment['kind'], elapsed: number): Segment => {
    const exact = frame.mode !== 'automatic' || entry.min_green_s == null || entry.max_green_s == null;
    return {
      stage: entry.stage,
      kind,
      greenS: entry.green_s,
      leastS: exact ? entry.green_s : (entry.min_green_s ?? entry.green_s),
      mostS: exact ? entry.green_s : (entry.max_green_s ?? entry.green_s),
      elapsedS: elapsed,
      exact,
    };
  };
  const planned = (name: string): PlannedStage =>
    plan.find((entry) => entry.stage === name) ?? { stage: name, green_s: 0 };
  const isGreen = frame.state === 'green';
  const segments = [segment(planned(stage), isGreen ? 'green' : 'clearing', elapsedS)];
  // While lamps clear, the coming stage is known; else it is the plan's next.
  const coming = frame.state === 'red_amber' ? stage : frame.next_stage;
  const index = plan.findIndex((entry) => entry.stage === (coming ?? stage));
  // An emergency keeps its green until it ends: what the plan has next does not come.
  if (index >= 0 && frame.mode !== 'emergency') {
    const start = coming == null ? index + 1 : index;
    for (let step = 0; step < plan.length; step++) {
      const entry = plan[(start + step) % plan.length];
      if (entry) segments.push(segment(entry, 'next', 0));
    }
  }
  return { segments, second: Math.floor(frame.cycle_second + since) };
}

/** What is left of a green: at least, as planned, and at most, seconds. */
export function leftOf(segment: Segment): { least: number; planned: number; most: number } {
  const left = (length: number) => Math.max(0, length - segment.elapsedS);
  return { least: left(segment.leastS), planned: left(segment.greenS), most: left(segment.mostS) };
}

/** The plan that the junction runs, as far as it has confirmed one: the newest may be refused, or wait for the cycle to end. */
export const runningOf = (current: Pick<CurrentPlan, 'plan' | 'previous'> | undefined) =>
  [current?.plan, current?.previous].find((candidate) => candidate?.state === 'running') ?? undefined;

/** Of a stage of which nothing is known, seconds. */
const DEFAULT_GREEN_S = 25;

/** Greens that a person begins with: what the junction runs now; `assumed`: of some stage that is not known. */
export function firstGreens(
  layout: Pick<Layout, 'stages'>,
  current: Pick<CurrentPlan, 'plan' | 'previous'> | undefined,
): { greens: Record<string, number>; assumed: boolean } {
  const plan = runningOf(current) ?? current?.plan;
  const planned = new Map(plannedStages(plan?.stages).map((stage) => [stage.stage, stage.green_s]));
  const greens = layout.stages.map(({ stage, min_green_s, max_green_s }): [string, number] => {
    const green = Math.round(planned.get(stage) ?? DEFAULT_GREEN_S);
    return [stage, Math.min(max_green_s, Math.max(min_green_s, green))];
  });
  return { greens: Object.fromEntries(greens), assumed: layout.stages.some(({ stage }) => !planned.has(stage)) };
}

/** The greens of a plan by its fields; a stage that may be skipped and has none is left out. Null: the green of another one is missing. */
export function stagesOf(
  layout: Pick<Layout, 'stages'>,
  fields: Readonly<Record<string, Field>>,
): { stage: string; green_s: number }[] | null {
  const greens = layout.stages.map(({ stage, skip }) => ({ stage, skip, green_s: numberOf(fields[stage] ?? '') }));
  if (greens.some(({ green_s, skip }) => green_s === null && !skip)) return null;
  return greens.flatMap(({ stage, green_s }) => (green_s === null ? [] : [{ stage, green_s }]));
}

/** How a plan stands: one that the junction has taken may wait while the panel, a vehicle or a fault has command of the lamps. */
export const stateOf = (plan: { state: string }, runs: string | null | undefined): string =>
  plan.state === 'running' && runs === null ? 'waits' : plan.state;
