import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until';

const run = promisify(execFile);
const checkout = resolve(import.meta.dirname, '../../../..');

/** Where the programs are built. */
const built = join(process.env.CARGO_TARGET_DIR ?? join(checkout, 'target'), 'debug');

/** A port that nobody uses at the moment. */
function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A database of this run's own beside the one of the services. */
async function freshDatabase(url: string): Promise<string> {
  const name = `dashboard_${process.pid}_${Date.now()}`;
  const { username, password, hostname, port } = new URL(url);
  const account = ['-h', hostname, '-p', port, '-U', decodeURIComponent(username), '-qX', '-d', 'postgres'];
  await run('psql', [...account, '-c', `CREATE DATABASE ${name}`], {
    env: { ...process.env, PGPASSWORD: decodeURIComponent(password) },
  });
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  return fresh.href;
}

const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/** A server that runs. */
export interface Served {
  url: string;
  stop: () => Promise<void>;
}

/**
 * Starts the real server; its log is `test-results/NAME.log`, and `settings` are further variables of its configuration. One that is started
 * again has the port that it had.
 */
export async function serve(
  name: string,
  database: string,
  settings: Record<string, string> = {},
  sameAs?: number,
): Promise<Served> {
  const results = resolve(import.meta.dirname, '../../test-results');
  mkdirSync(results, { recursive: true });
  const port = sameAs ?? (await freePort());
  const file = join(results, `${name}.log`);
  const log = openSync(file, 'w');
  // The signing key outlives a restart of the server, and so do sessions.
  const key = join(results, 'secret.key');
  writeFileSync(key, 'only for the browser tests, which run on this machine', { mode: 0o600 });
  const child = spawn(join(built, 'flextraff-server'), ['serve', '--config', '/dev/null'], {
    env: {
      ...process.env,
      FLEXTRAFF_DATABASE__URL: database,
      FLEXTRAFF_HTTP__BIND: `127.0.0.1:${port}`,
      FLEXTRAFF_MQTT__CLIENT_ID: `dashboard-${port}`,
      // Devices get a token then; the broker itself keeps its file.
      FLEXTRAFF_MQTT__DYNAMIC_SECURITY: 'true',
      FLEXTRAFF_AUTH__SECRET_KEY_FILE: key,
      ...settings,
    },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const url = `http://127.0.0.1:${port}`;
  await until('the server answers', async () => {
    if (ended(child)) throw new Error(`the server has ended; see ${file}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    return answer?.ok === true;
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await until('the server has ended', () => ended(child));
  };
  return { url, stop };
}

/**
 * Starts the server on a database of its own, with the broker of the services; all tests share it. A bench may look at one that runs already.
 */
export default async function start(): Promise<() => Promise<void>> {
  const { FLEXTRAFF_BENCH_AT: running } = process.env;
  if (running) {
    process.env.FLEXTRAFF_TEST_URL = running.replace(/\/+$/, '');
    return () => Promise.resolve();
  }
  const { FLEXTRAFF_DATABASE__URL: database, FLEXTRAFF_MQTT__URL: broker } = process.env;
  if (!database || !broker) throw new Error('Run the browser tests by scripts/with-services');
  const ownDatabase = await freshDatabase(database);
  const { url, stop } = await serve('server', ownDatabase);
  process.env.FLEXTRAFF_TEST_URL = url;
  process.env.FLEXTRAFF_TEST_DATABASE = ownDatabase;
  process.env.FLEXTRAFF_TEST_BUILT = built;
  return stop;
}
