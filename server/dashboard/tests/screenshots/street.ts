import type { Junction } from '../support/city';
import { call } from '../support/city';
import { Road } from '../support/road';

interface Lane {
  lane_id: string;
  lane_name: string;
}

interface Stage {
  stage: string;
  groups: string[];
}

interface Layout {
  lanes: Lane[];
  groups: { name: string }[];
  stages: Stage[];
}

interface Plan {
  plan_id: string;
  mode: string;
  stages?: { stage: string; green_s: number }[];
}

/** What a junction says besides the plan. */
export interface More {
  controller?: { fault?: string | null; control?: string };
  /** What it decides while a stage has green; absent: nothing. */
  decisions?: Record<string, object>;
}

const CLEARANCE = { amber: 3, allRed: 2 };
/** Seconds of green where no plan has come yet. */
const GREEN_S = 18;

/** A junction at work: its lamps go round by the plan that the server sends, and vehicles come. */
export class Street {
  private readonly timers: NodeJS.Timeout[] = [];
  private plan: Plan | null = null;
  private second = 0;
  private shown = '';
  /** The stage that was last green. */
  private green = '';
  private since = new Date();
  private readonly road: Road;
  private readonly layout: Layout;
  /** What its status says besides the plan. */
  private readonly more: More;

  private constructor(road: Road, layout: Layout, more: More) {
    this.road = road;
    this.layout = layout;
    this.more = more;
  }

  get device(): string {
    return this.road.device;
  }

  /** The junction's name. */
  get place(): string {
    return this.road.junction.junction_name;
  }

  /** Begins `second` seconds into its cycle, so that the city is not in step. */
  static async open(token: string, junction: Junction, name: string, more: More, second: number): Promise<Street> {
    const road = await Road.open(token, junction);
    await call('PATCH', `/api/devices/${road.device}`, token, { device_name: name });
    const layout = await call<Layout>('GET', `/api/junctions/${junction.junction_id}/layout`, token);
    const street = new Street(road, layout, more);
    street.second = second;
    road.onPlan((plan) => {
      street.take(plan as Plan);
      return street.say();
    });
    return street;
  }

  /** What an operator has set runs until it is ended, as on the road. */
  private take(plan: Plan): void {
    if (this.plan && this.plan.mode !== 'automatic' && plan.mode === 'automatic') return;
    this.plan = plan;
  }

  private async say(): Promise<void> {
    const plan = this.plan && { plan: { plan_id: this.plan.plan_id, state: 'running', reasons: [] } };
    const mode = this.plan?.mode ?? 'automatic';
    const control = mode === 'automatic' ? 'plan' : mode;
    // An agent chooses a method only while it decides itself.
    const level = mode === 'automatic' ? { level: 'actuated' } : {};
    const { decisions, controller, ...more } = this.more;
    const decision = decisions?.[this.green];
    const decided = decision && mode === 'automatic' ? { level: 'rolling_horizon', decision } : {};
    await this.road.status({
      ...STATUS,
      ...more,
      controller: { ...STATUS.controller, ...level, control, ...controller, ...decided, mode },
      ...plan,
    });
  }

  /** Lamps each second, counts each ten, a status each twenty, until it is closed. */
  async run(): Promise<void> {
    await this.say();
    await this.count();
    const every = (seconds: number, what: () => Promise<unknown>) =>
      this.timers.push(setInterval(() => void what().catch(() => undefined), seconds * 1000));
    every(1, () => this.show());
    every(10, () => this.count());
    every(20, () => this.say());
  }

  private async show(): Promise<void> {
    if (this.more.controller?.fault) return this.flash();
    const greens = this.layout.stages.map(({ stage }) => {
      const planned = this.plan?.stages?.find((entry) => entry.stage === stage);
      return planned?.green_s ?? GREEN_S;
    });
    const clearance = CLEARANCE.amber + CLEARANCE.allRed;
    const cycle = greens.reduce((sum, green) => sum + green + clearance, 0);
    this.second = (this.second + 1) % cycle;
    let left = this.second;
    const at = greens.findIndex((green) => {
      if (left < green + clearance) return true;
      left -= green + clearance;
      return false;
    });
    const stage = this.layout.stages[at];
    if (!stage) return;
    const green = greens[at] ?? 0;
    const state = left < green ? 'green' : left < green + CLEARANCE.amber ? 'amber' : 'all_red';
    const next = this.layout.stages[(at + 1) % this.layout.stages.length]?.stage;
    if (this.shown !== `${stage.stage} ${state}`) {
      this.shown = `${stage.stage} ${state}`;
      this.since = new Date();
      // As an agent does: what was decided for the stage before is of no use to anybody.
      if (state === 'green') {
        this.green = stage.stage;
        if (this.more.decisions) await this.say();
      }
    }
    const names =
      this.layout.groups.length > 0
        ? this.layout.groups
        : this.layout.lanes.map(({ lane_name }) => ({ name: lane_name }));
    const lit = state === 'all_red' ? 'red' : state;
    const groups = Object.fromEntries(names.map(({ name }) => [name, stage.groups.includes(name) ? lit : 'red']));
    await this.road.signal(stage.stage, state, groups, {
      since: this.since.toISOString(),
      plan_id: this.plan?.plan_id ?? null,
      mode: this.plan?.mode ?? 'automatic',
      cycle_second: this.second,
      ...(state === 'green' ? {} : { next_stage: next }),
    });
  }

  /** What lamps show in a fault. */
  private async flash(): Promise<void> {
    const groups = Object.fromEntries(this.layout.lanes.map(({ lane_name }) => [lane_name, 'flash_amber']));
    await this.road.signal(null, 'flash', groups, { since: this.since.toISOString(), plan_id: null });
  }

  private async count(): Promise<void> {
    for (const [at, lane] of this.layout.lanes.entries())
      await this.road.count(lane.lane_id, (this.second + 2 * at) % 5 < 2 ? 1 : 0, {
        observed_s: 10,
        present: (this.second + 2 * at) % 5,
      });
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.road.close();
  }
}

const reader = (name: string, reads_per_s: number) => ({
  name,
  state: 'up',
  reads_per_s,
  bad_frames: 2,
  dropped_bytes: 17,
  protocol: 'uhfreader',
  baud: 57_600,
});

const STATUS = {
  uptime_s: 612_340,
  clock: 'synced',
  outbox: { rows: 3, oldest_s: 4, bytes: 40_960, dropped: 0, parked: 0, counts_made: 81_204 },
  readers: [reader('north', 14.2), reader('south', 11.8), reader('east', 9.1), reader('west', 12.5)],
  controller: {
    state: 'green',
    mode: 'automatic',
    control: 'plan',
    fault: null,
    interlock_trips: 0,
  },
};
