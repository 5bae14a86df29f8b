import type { Alarm, LogEntry, Override } from '@/api/types';

/** What a signal group shows. */
export type Aspect = 'green' | 'amber' | 'red' | 'red_amber' | 'flash_red' | 'flash_amber' | 'dark';
/** What the signal is doing. */
export type SignalState = 'green' | 'amber' | 'all_red' | 'red_amber' | 'flash' | 'dark';
/** Who decides. */
export type Mode = 'automatic' | 'manual_override' | 'emergency';

interface At {
  junction_id: string;
}

/** What the lamps of a junction show. */
export interface SignalFrame extends At {
  type: 'signal';
  t: string;
  stage: string | null;
  state: SignalState;
  next_stage?: string | null;
  groups: Record<string, Aspect>;
  since: string;
  plan_id: string | null;
  mode: Mode;
  cycle_second: number;
}

/** Passages of a lane in an interval. */
export interface CountFrame extends At {
  type: 'car_count';
  lane_id: string;
  vehicle_count: number;
  timestamp?: string;
  interval_start?: string;
  observed_s?: number;
  present?: number;
}

/** A number that an agent has learned, with its age and confidence. */
export interface Estimate {
  value: number;
  age_s?: number | null;
  confidence?: number;
}

/** Shares that an agent has observed together, the greatest first; what is missing to 1 went elsewhere. */
export interface EstimatedShares {
  shares: { junction_id?: string; lane: string; share: number }[];
  age_s?: number | null;
  confidence?: number;
}

/** Whether a reader sees the vehicles on a lane. */
export interface ReaderSight {
  state: string;
  silent_s?: number | null;
}

/** What an agent has learned of a lane; each is there only where it has such a number. */
export interface LaneEstimates {
  stop_reader?: ReaderSight;
  advance_reader?: ReaderSight;
  present?: Estimate;
  inventory?: Estimate;
  flow_per_h?: Estimate;
  headway_s?: Estimate;
  startup_loss_s?: Estimate;
  drive_s?: Estimate;
  read_rate?: Estimate;
  announced_share?: Estimate;
  tagged_share?: Estimate;
  stops_on?: EstimatedShares;
  leads_to?: EstimatedShares;
}

/** A decision of tactical control. */
export interface Decision {
  stage: string;
  hold_s: number;
  cost?: number | null;
  alternatives?: { stage: string; hold_s: number; cost?: number | null }[];
  reason: string;
}

/** What a device says of itself. */
export interface StatusFrame extends At {
  type: 'status';
  device_id: string;
  online: boolean;
  controller?: {
    state: SignalState;
    mode: Mode;
    control?: string;
    fault: string | null;
    level?: string;
    decision?: Decision;
  };
  readers?: { name: string; state: 'up' | 'down' | 'silent'; reads_per_s: number; detail?: string }[];
  outbox?: { rows: number; oldest_s: number };
  plan?: { plan_id: string; state: 'running' | 'pending' | 'refused'; reasons: string[] };
  estimates?: { lanes: Record<string, LaneEstimates> };
}

/** A plan that was sent. */
export interface PlanFrame extends At {
  type: 'green_time';
  plan_id?: string;
  reason?: string;
}

export type AlarmFrame = { type: 'alarm' } & Alarm;
export type LogFrame = { type: 'log' } & LogEntry;
export type OverrideFrame = { type: 'override' } & Override;
/** What the signed-in user may see or do has changed. */
export interface RightsFrame {
  type: 'rights';
}

export type Frame =
  SignalFrame | CountFrame | StatusFrame | PlanFrame | AlarmFrame | LogFrame | OverrideFrame | RightsFrame;

const KINDS: ReadonlySet<string> = new Set([
  'signal',
  'car_count',
  'status',
  'green_time',
  'alarm',
  'log',
  'override',
  'rights',
]);

/** Reads a frame; null for what tells this page nothing: `beat`, which only says that the line holds, and the kinds of a newer server. */
export function readFrame(text: string): Frame | { type: 'ready' } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const kind = (value as { type?: unknown } | null)?.type;
  if (kind === 'ready') return { type: 'ready' };
  return typeof kind === 'string' && KINDS.has(kind) ? (value as Frame) : null;
}
