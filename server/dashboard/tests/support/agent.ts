import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { address, call, type Junction } from './city';
import { until } from './until';

/** A real agent with virtual lamps at a junction of its own. */
export class Agent {
  private readonly child: ChildProcess;
  readonly device: string;

  private constructor(child: ChildProcess, device: string) {
    this.child = child;
    this.device = device;
  }

  /** Two stages, NS and EW, with times as short as virtual lamps may have them, so that a cycle takes seconds. */
  static async layout(token: string, junction: Junction): Promise<void> {
    const path = `/api/junctions/${junction.junction_id}`;
    await call('PATCH', path, token, { min_cycle_time: 10, base_cycle_time: 20, max_cycle_time: 60 });
    await call('PUT', `${path}/stages`, token, {
      stages: [
        { stage: 'NS', groups: ['N', 'S'], min_green_s: 3, max_green_s: 20 },
        { stage: 'EW', groups: ['E', 'W'], min_green_s: 3, max_green_s: 20 },
      ],
      compatible: [],
      signal: { amber_s: 1, all_red_s: 1, red_amber_s: 0, stage_order: 'fixed', longest_red_s: 120 },
    });
  }

  /** Starts an agent with the file that the server makes for it, and what a technician adds. */
  static async start(token: string, junction: Junction): Promise<Agent> {
    await Agent.layout(token, junction);
    const device = randomUUID();
    const body = {
      junction_id: junction.junction_id,
      device_id: device,
      device_name: 'Cabinet',
      device_type: 'junction',
      lanes: [],
    };
    await call('POST', '/api/devices', token, body);
    const answer = await fetch(`${address()}/api/junctions/${junction.junction_id}/agent.toml?device_id=${device}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const folder = resolve(import.meta.dirname, '../../test-results/agents', device);
    mkdirSync(folder, { recursive: true });
    const broker = new URL(process.env.FLEXTRAFF_MQTT__URL ?? '');
    writeFileSync(join(folder, 'password'), decodeURIComponent(broker.password), { mode: 0o600 });
    const mqtt = `[mqtt]\nurl = "mqtt://${broker.host}"\nusername = "${broker.username}"\npassword_file = "${folder}/password"\n`;
    const file = (await answer.text())
      .replace(/\[mqtt\]\n(.+\n)*/, '')
      .replace('[signal]\n', '[signal]\nstartup_flash_s = 4\nstartup_all_red_s = 3\n')
      .concat(
        `\n${mqtt}[outbox]\npath = "${folder}/outbox.db"\n[console]\nsocket = "${folder}/agent.sock"\n`,
        '[clock]\ntrust = "always"\n[[fallback]]\ngreens = { NS = 5, EW = 5 }\n',
      );
    writeFileSync(join(folder, 'agent.toml'), file);
    const log = openSync(join(folder, 'agent.log'), 'w');
    const program = join(process.env.FLEXTRAFF_TEST_BUILT ?? '', 'flextraff-agent');
    const child = spawn(program, ['run', '--config', join(folder, 'agent.toml')], { stdio: ['ignore', log, log] });
    closeSync(log);
    const agent = new Agent(child, device);
    await until(`the agent is online; its log is in ${folder}`, async () => {
      if (agent.ended()) throw new Error(`the agent has ended; see ${folder}/agent.log`);
      return (await call<{ online: boolean }>('GET', `/api/devices/${device}`, token)).online;
    });
    return agent;
  }

  private ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await until('the agent has ended', () => this.ended(), 15_000).catch(() => this.child.kill('SIGKILL'));
  }
}
