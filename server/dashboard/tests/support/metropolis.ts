import mqtt, { type MqttClient } from 'mqtt';
import { randomUUID } from 'node:crypto';
import { call } from './city';

const SIDES = ['N', 'S', 'E', 'W'];
/** Junctions of the city. */
export const JUNCTIONS = 500;
/** How many of them tell their lamps each second. */
const PER_SECOND = 10;
/** One status for so many of them: of a hundred devices each tells in half a minute how it is. */
const STATUS_EVERY = 3;

/** A junction as it is made. */
interface Made {
  junction_id: string;
  lanes: { lane_id: string }[];
}

/** A large city of junctions that only stand there; their lamps are told in turn. */
export class Metropolis {
  readonly ids: string[];
  private readonly junctions: Made[];
  private devices: string[] = [];
  private readonly client: MqttClient;
  private readonly pump: NodeJS.Timeout;
  private sent = 0;

  private constructor(junctions: Made[], client: MqttClient) {
    this.junctions = junctions;
    this.ids = junctions.map(({ junction_id }) => junction_id);
    this.client = client;
    this.pump = setInterval(() => this.tell(), 1000 / PER_SECOND);
  }

  /** With `devices` as many of the junctions have one, which tells how it is, and all lanes are counted in turn. */
  static async open(token: string, { devices = 0 } = {}): Promise<Metropolis> {
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
    const city = new Metropolis(junctions, client);
    await city.enrol(token, devices);
    return city;
  }

  /** Gives the first `count` junctions a device each. */
  async enrol(token: string, count: number): Promise<void> {
    const enrolled: string[] = [];
    for (const junction_id of this.ids.slice(0, count)) {
      const device_id = randomUUID();
      const body = { junction_id, device_id, device_name: 'Cabinet', device_type: 'junction', lanes: [] };
      await call('POST', '/api/devices', token, body);
      enrolled.push(device_id);
    }
    this.devices = enrolled;
  }

  private tell(): void {
    if (this.devices.length > 0) {
      this.count();
      if (this.sent % STATUS_EVERY === 0) this.status();
    }
    const junction_id = this.ids[this.sent % this.ids.length] ?? '';
    const stage = SIDES[Math.floor(this.sent++ / 7) % SIDES.length] ?? 'N';
    const t = new Date().toISOString();
    const groups = Object.fromEntries(SIDES.map((name) => [name, name === stage ? 'green' : 'red']));
    const more = {
      t,
      since: t,
      stage,
      state: 'green',
      groups,
      plan_id: randomUUID(),
      mode: 'automatic',
      cycle_second: 0,
    };
    this.client.publish(`flextraff/${junction_id}/signal`, JSON.stringify({ v: 1, junction_id, ...more }));
  }

  private count(): void {
    const { junction_id, lanes } = this.junctions[this.sent % this.junctions.length] ?? { junction_id: '', lanes: [] };
    const lane_id = lanes[Math.floor(this.sent / this.junctions.length) % lanes.length]?.lane_id ?? '';
    const epc_ids = Array.from({ length: this.sent % 4 }, () => `p:test:${randomUUID()}`);
    const message = {
      junction_id,
      lane_id,
      timestamp: new Date().toISOString(),
      vehicle_count: epc_ids.length,
      epc_ids,
    };
    this.client.publish(`flextraff/${junction_id}/${lane_id}/car-counts`, JSON.stringify(message), { qos: 1 });
  }

  private status(): void {
    const at = (this.sent / STATUS_EVERY) % this.devices.length;
    const [junction_id, device_id] = [this.ids[at] ?? '', this.devices[at] ?? ''];
    const reader = { name: 'north', state: 'up', reads_per_s: this.sent % 20, bad_frames: 0, dropped_bytes: 0 };
    const controller = { state: 'green', mode: 'automatic', fault: null, control: 'plan', level: 'actuated' };
    const told = { online: true, device_type: 'junction', software_version: '0.1.0', uptime_s: this.sent };
    const message = { v: 1, device_id, ...told, controller, readers: [reader] };
    this.client.publish(`flextraff/${junction_id}/status/${device_id}`, JSON.stringify(message), { qos: 1 });
  }

  async close(): Promise<void> {
    clearInterval(this.pump);
    await this.client.endAsync();
  }
}
