import mqtt from 'mqtt';
import type { Road } from './road';

/** Answers the commands that a device gets, as its agent would; gives what ends it. */
export async function answersCommands(
  road: Road,
  answer: (type: string) => { ok: boolean; detail: string },
): Promise<() => Promise<void>> {
  const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
  const topic = (what: string) => `flextraff/${road.junction.junction_id}/${what}/${road.device}`;
  client.on('message', (_, payload) => {
    const { id, type } = JSON.parse(payload.toString()) as { id: string; type: string };
    client.publish(topic('reply'), JSON.stringify({ v: 1, device_id: road.device, id, ...answer(type) }), { qos: 1 });
  });
  await client.subscribeAsync(topic('command'), { qos: 1 });
  return () => client.endAsync();
}
