import mqtt, { type MqttClient } from 'mqtt';
import { randomUUID } from 'node:crypto';
import { call, type Junction } from './city';
import { until } from './until';

/** A junction on the road as the broker sees one: says what a test wants it to say. */
export class Road {
  private readonly client: MqttClient;
  readonly junction: Junction;
  readonly device: string;

  private constructor(client: MqttClient, junction: Junction, device: string) {
    this.client = client;
    this.junction = junction;
    this.device = device;
  }

  /** Gives a junction a device and connects it. */
  static async open(token: string, junction: Junction): Promise<Road> {
    const device = randomUUID();
    const body = {
      junction_id: junction.junction_id,
      device_id: device,
      device_name: 'Cabinet',
      device_type: 'junction',
      lanes: [],
    };
    await call('POST', '/api/devices', token, body);
    const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
    const road = new Road(client, junction, device);
    // The server hears of a new device within its time: until then it would not know the sender.
    await until(`the server knows device ${device}`, async () => {
      await road.status({});
      const found = await call<{ online: boolean }>('GET', `/api/devices/${device}`, token);
      return found.online;
    });
    return road;
  }

  private publish(topic: string, message: object, qos: 0 | 1, retain: boolean): Promise<unknown> {
    return this.client.publishAsync(`flextraff/${this.junction.junction_id}/${topic}`, JSON.stringify(message), {
      qos,
      retain,
    });
  }

  status(more: object): Promise<unknown> {
    const message = {
      v: 1,
      device_id: this.device,
      online: true,
      device_type: 'junction',
      software_version: '0.1.0',
      ...more,
    };
    return this.publish(`status/${this.device}`, message, 1, true);
  }

  signal(stage: string | null, state: string, groups: Record<string, string>, more: object = {}): Promise<unknown> {
    const t = new Date().toISOString();
    const head = { v: 1, junction_id: this.junction.junction_id, device_id: this.device };
    const message = {
      ...head,
      t,
      stage,
      state,
      groups,
      since: t,
      plan_id: randomUUID(),
      mode: 'automatic',
      cycle_second: 0,
      ...more,
    };
    return this.publish('signal', message, 0, true);
  }

  count(lane: string, vehicles: number, more: object = {}): Promise<unknown> {
    const head = { junction_id: this.junction.junction_id, lane_id: lane, timestamp: new Date().toISOString() };
    const epc_ids = Array.from({ length: vehicles }, (_, index) => `p:test:${randomUUID()}-${index}`.slice(0, 64));
    return this.publish(`${lane}/car-counts`, { ...head, vehicle_count: vehicles, epc_ids, ...more }, 1, false);
  }

  /** Calls `listener` with each plan that the server sends. */
  onPlan(listener: (plan: { plan_id: string }) => unknown): void {
    this.client.subscribe(`flextraff/${this.junction.junction_id}/green-time`, { qos: 1 });
    this.client.on('message', (_, payload) => void listener(JSON.parse(payload.toString()) as { plan_id: string }));
  }

  async close(): Promise<void> {
    await this.client.endAsync();
  }
}
