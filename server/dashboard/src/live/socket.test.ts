import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Frame } from './frames';
import { LiveSocket, type LinkState } from './socket';

/** The other end of the connection, as the test plays it. */
class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    const last = FakeSocket.all.at(-1);
    if (!last) throw new Error('nothing was opened');
    return last;
  }
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  async opens() {
    this.readyState = 1;
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
  }
  says(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  closes(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code, reason: '' });
  }
}

const states: LinkState[] = [];
const heard: (number | null)[] = [];
const frames: Frame[] = [];
let ready = 0;
let token: string | null;
let renewals: (string | null)[];
let renew: () => Promise<string | null>;
let socket: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  states.length = heard.length = frames.length = ready = 0;
  token = 'first';
  renewals = [];
  renew = () => Promise.resolve(renewals.shift() ?? null);
  socket = new LiveSocket(
    {
      url: 'ws://here/ws/live',
      open: (url) => new FakeSocket(url) as unknown as WebSocket,
      token: () => Promise.resolve(token),
      renew: () => renew(),
      random: () => 1,
    },
    {
      onState: (state, _retryAt, heardAt) => {
        states.push(state);
        heard.push(heardAt);
      },
      onReady: () => ready++,
      onFrame: (frame) => frames.push(frame),
    },
  );
});

afterEach(() => socket.stop());

async function live() {
  socket.start();
  await FakeSocket.last.opens();
  FakeSocket.last.says({ type: 'ready' });
}

describe('the live socket', () => {
  it('signs in with its first frame and then hands frames on', async () => {
    await live();
    expect(FakeSocket.last.sent).toEqual([
      { type: 'auth', token: 'first', beats: true, rights: true, vehicles: false },
    ]);
    expect(FakeSocket.last.url).not.toContain('first');
    FakeSocket.last.says({ type: 'car_count', junction_id: 'j', lane_id: 'l', vehicle_count: 2 });
    FakeSocket.last.says({ type: 'of a newer server' });
    FakeSocket.last.onmessage?.({ data: 'no JSON' });
    expect(states).toEqual(['connecting', 'live']);
    expect([ready, frames.length]).toEqual([1, 1]);
  });

  it('connects again with growing pauses, and tells when what was missed is to be fetched', async () => {
    await live();
    FakeSocket.last.closes();
    expect(states.at(-1)).toBe('lost');
    for (const pause of [500, 1000, 2000, 4000]) {
      const before = FakeSocket.all.length;
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(FakeSocket.all.length).toBe(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.all.length).toBe(before + 1);
      FakeSocket.last.closes();
    }
    await vi.advanceTimersByTimeAsync(8000);
    await FakeSocket.last.opens();
    FakeSocket.last.says({ type: 'ready' });
    expect([ready, states.at(-1)]).toEqual([2, 'live']);
    // Once it has worked, the pauses begin anew.
    FakeSocket.last.closes(1013);
    const count = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.all.length).toBe(count + 1);
  });

  it('never waits longer than half a minute', async () => {
    socket.start();
    for (let failures = 0; failures < 12; failures++) {
      FakeSocket.last.closes();
      await vi.advanceTimersByTimeAsync(30_000);
    }
    const count = FakeSocket.all.length;
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(FakeSocket.all.length).toBe(count + 1);
  });

  it('renews the token when the server takes it no longer, and ends when there is none', async () => {
    await live();
    renewals = ['second'];
    token = 'second';
    FakeSocket.last.closes(4401);
    await vi.advanceTimersByTimeAsync(0);
    await FakeSocket.last.opens();
    expect(FakeSocket.last.sent).toEqual([
      { type: 'auth', token: 'second', beats: true, rights: true, vehicles: false },
    ]);
    FakeSocket.last.says({ type: 'ready' });
    FakeSocket.last.closes(4401);
    await vi.advanceTimersByTimeAsync(0);
    expect(states.at(-1)).toBe('stopped');
    const count = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all.length).toBe(count);
  });

  it('does not hammer a server that refuses fresh tokens', async () => {
    renewals = ['a', 'b', 'c', 'd'];
    await live();
    FakeSocket.last.closes(4401);
    await vi.advanceTimersByTimeAsync(0);
    await FakeSocket.last.opens();
    FakeSocket.last.closes(4401);
    const count = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(400);
    expect(FakeSocket.all.length).toBe(count);
    expect(states.at(-1)).toBe('lost');
  });

  it('stays away where it has no access', async () => {
    await live();
    FakeSocket.last.closes(4403);
    await vi.advanceTimersByTimeAsync(120_000);
    expect([states.at(-1), FakeSocket.all.length]).toEqual(['refused', 1]);
  });

  it('tries again where it had no access when somebody asks for it, and not once it is stopped', async () => {
    await live();
    FakeSocket.last.closes(4403);
    socket.now();
    await FakeSocket.last.opens();
    FakeSocket.last.says({ type: 'ready' });
    expect([states.at(-1), FakeSocket.all.length]).toEqual(['live', 2]);
    FakeSocket.last.closes(4403);
    socket.stop();
    socket.now();
    expect([states.at(-1), FakeSocket.all.length]).toEqual(['stopped', 2]);
  });

  it('hands a renewed token to the open connection', async () => {
    await live();
    socket.renewed('second');
    expect(FakeSocket.last.sent.at(-1)).toEqual({
      type: 'auth',
      token: 'second',
      beats: true,
      rights: true,
      vehicles: false,
    });
  });

  it('gives up a connection that opens and then says nothing', async () => {
    socket.start();
    await FakeSocket.last.opens();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(states.at(-1)).toBe('lost');
  });

  it('gives up a connection on which not even a beat is heard any more', async () => {
    await live();
    for (let beats = 0; beats < 4; beats++) {
      await vi.advanceTimersByTimeAsync(74_000);
      FakeSocket.last.says({ type: 'beat' });
    }
    expect([states.at(-1), FakeSocket.all.length, frames.length]).toEqual(['live', 1, 0]);
    await vi.advanceTimersByTimeAsync(74_999);
    expect(states.at(-1)).toBe('live');
    await vi.advanceTimersByTimeAsync(1);
    expect(states.at(-1)).toBe('lost');
    await vi.advanceTimersByTimeAsync(500);
    await FakeSocket.last.opens();
    FakeSocket.last.says({ type: 'ready' });
    expect([FakeSocket.all.length, ready, states.at(-1)]).toEqual([2, 2, 'live']);
    // It is watched as the first one was.
    await vi.advanceTimersByTimeAsync(75_000);
    expect(states.at(-1)).toBe('lost');
  });

  it('tells when it heard the last, which is long before it knows that the line is dead', async () => {
    await live();
    await vi.advanceTimersByTimeAsync(30_000);
    FakeSocket.last.says({ type: 'beat' });
    const last = Date.now();
    await vi.advanceTimersByTimeAsync(75_000);
    expect([states.at(-1), heard.at(-1)]).toEqual(['lost', last]);
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.closes();
    // Attempts that lead nowhere make nothing younger.
    expect([states.at(-1), heard.at(-1)]).toEqual(['lost', last]);
    socket.stop();
    expect(heard.at(-1)).toBeNull();
  });

  it('is not live while the token is renewed, and connects once', async () => {
    let renewed: (token: string) => void = () => undefined;
    await live();
    const renewal = new Promise<string>((done) => (renewed = done));
    renew = () => renewal;
    FakeSocket.last.closes(4401);
    expect(states.at(-1)).toBe('connecting');
    // The network comes back in the midst of it.
    socket.now();
    renewed('second');
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all.length).toBe(2);
  });

  it('is lost with the network, and connects at once when that is back', async () => {
    await live();
    socket.lost();
    expect(states.at(-1)).toBe('lost');
    socket.now();
    expect(FakeSocket.all.length).toBe(2);
  });
});
