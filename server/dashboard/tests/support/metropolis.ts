import mqtt, { type MqttClient } from 'mqtt';
import { randomUUID } from 'node:crypto';
import { call } from './city';

const SIDES = ['N', 'S', 'E', 'W'];
/** Junctions of the city. */
export const JUNCTIONS = 500;
/** How many of them tell their lamps each second. */
const PER_SECOND = 10;

/** A large city of junctions that only stand there; their lamps are told in turn. */
export class Metropolis {
  readonly ids: string[];
  private readonly client: MqttClient;
  private readonly pump: NodeJS.Timeout;
  private sent = 0;

  private constructor(ids: string[], client: MqttClient) {
    this.ids = ids;
    this.client = client;
    this.pump = setInterval(() => this.tell(), 1000 / PER_SECOND);
  }

  static async open(token: string): Promise<Metropolis> {
    const junctions = Array.from({ length: JUNCTIONS }, (_, index) => ({
      junction_id: randomUUID(),
      junction_name: `Junction ${String(index + 1).padStart(3, '0')}`,
      city: 'Metropolis',
      latitude: 18.5 + 0.004 * Math.floor(index / 25),
      longitude: 73.8 + 0.004 * (index % 25),
      min_cycle_time: 48,
      max_cycle_time: 180,
      base_cycle_time: 90,
      lanes: SIDES.map((side, lane_index) => ({
        lane_id: randomUUID(),
        lane_index,
        lane_name: side,
        direction_enum: side,
      })),
      stages: SIDES.map((stage) => ({ stage, groups: [stage], min_green_s: 7, max_green_s: 60 })),
    }));
    await call('POST', '/api/junctions/import', token, { junctions, links: [] });
    const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
    return new Metropolis(
      junctions.map(({ junction_id }) => junction_id),
      client,
    );
  }

  private tell(): void {
    const junction_id = this.ids[this.sent % this.ids.length] ?? '';
    const stage = SIDES[Math.floor(this.sent++ / 7) % SIDES.length] ?? 'N';
    const t = new Date().toISOString();
    const groups = Object.fromEntries(SIDES.map((name) => [name, name === stage ? 'green' : 'red']));
    const more = { t, since: t, stage, state: 'green', groups, plan_id: null, mode: 'automatic', cycle_second: 0 };
    this.client.publish(`flextraff/${junction_id}/signal`, JSON.stringify({ v: 1, junction_id, ...more }));
  }

  async close(): Promise<void> {
    clearInterval(this.pump);
    await this.client.endAsync();
  }
}
