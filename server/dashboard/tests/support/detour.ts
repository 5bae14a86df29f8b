import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server on which a test can hold up the answers to some requests, as a slow network does. */
export class Detour {
  private readonly held: (() => void)[] = [];
  private readonly open = new Set<Socket>();
  private holds: string | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(url: string): Promise<Detour> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const detour = new Detour(server, (server.address() as AddressInfo).port);
    server.on('connection', (from) => detour.pass(from, connect(Number(port), hostname)));
    return detour;
  }

  private pass(from: Socket, to: Socket): void {
    let begin = '';
    from.on('data', (bytes) => {
      // A browser sends a request of this size at once.
      begin = bytes.subarray(0, 200).toString('latin1');
      to.write(bytes);
    });
    to.on('data', (bytes) => {
      if (this.holds !== undefined && begin.startsWith(this.holds)) this.held.push(() => from.write(bytes));
      else from.write(bytes);
    });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.open.add(one);
      one.on('close', () => {
        this.open.delete(one);
        other.destroy();
      });
      one.on('error', () => other.destroy());
    }
  }

  /** From now on answers to requests that begin like this wait. */
  hold(begin: string): void {
    this.holds = begin;
  }

  /** How many answers wait. */
  waiting(): number {
    return this.held.length;
  }

  /** Lets everything through, of what waits the last answer first, each once `arrived` says that the one before is there. */
  async release(arrived: (count: number) => Promise<void>): Promise<void> {
    this.holds = undefined;
    for (const [at, pass] of this.held.splice(0).reverse().entries()) {
      pass();
      await arrived(at + 1);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }
}
