import { type Frame, readFrame } from './frames';

/** State of the live feed, as people see it. */
export type LinkState = 'connecting' | 'live' | 'lost' | 'refused' | 'stopped';

/** What the socket needs from outside; tests give their own. */
export interface SocketEnvironment {
  /** The address to connect to. */
  url: string;
  open: (url: string) => WebSocket;
  /** A token that holds; null: nobody is signed in. */
  token: () => Promise<string | null>;
  /** The server takes the token no longer: the next one, or null. */
  renew: () => Promise<string | null>;
  /** Between 0 and 1. */
  random: () => number;
}

/** What the socket tells. */
export interface SocketListener {
  /**
   * The feed has another state; `retryAt` is when the next attempt comes, and `heardAt` when anything was heard last since it ran, both
   * milliseconds of `Date.now()`.
   */
  onState: (state: LinkState, retryAt: number | null, heardAt: number | null) => void;
  /** The feed runs from here on: what was before is to be fetched. */
  onReady: () => void;
  onFrame: (frame: Frame) => void;
}

const SHORTEST_MS = 500;
const LONGEST_MS = 30_000;
/** The server answers the sign-in within this time, or the connection leads nowhere. */
const READY_MS = 10_000;
/** The server says `beat` every 30 s: where nothing is heard for two and a half times as long the connection leads nowhere. */
const SILENCE_MS = 75_000;
const NOT_SIGNED_IN = 4401;
const NO_ACCESS = 4403;

/** The live feed: signs in with its first frame, renews, and connects again with growing pauses until it is stopped. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ready = false;
  private attempts = 0;
  private refusedTokens = 0;
  private heardAt: number | null = null;
  private running = false;
  /** The server gave no access: nobody tries again unasked. */
  private refused = false;
  private readonly environment: SocketEnvironment;
  private readonly listener: SocketListener;

  constructor(environment: SocketEnvironment, listener: SocketListener) {
    this.environment = environment;
    this.listener = listener;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.attempts = 0;
    this.connect();
  }

  stop(): void {
    this.running = this.refused = false;
    this.leave();
    this.heardAt = null;
    this.tell('stopped');
  }

  /** The network has come back, or somebody asks for it: no reason to wait, nor to stay away where there was no access. */
  now(): void {
    if (this.socket !== null || !(this.running || this.refused)) return;
    this.running = true;
    this.connect();
  }

  /** The network has gone: the connection leads nowhere, even where nothing has told it so yet. */
  lost(): void {
    if (this.socket) this.close(this.socket, 0);
  }

  /** Hands a renewed token to the server before the old one ends. */
  renewed(token: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.signIn(this.socket, token);
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.refused = false;
    this.tell('connecting');
    const socket = this.environment.open(this.environment.url);
    this.socket = socket;
    this.timer = setTimeout(() => this.close(socket, 0), READY_MS);
    socket.onopen = () => {
      this.environment.token().then(
        (token) => {
          if (this.socket !== socket) return;
          if (token === null) this.stop();
          else this.signIn(socket, token);
        },
        () => this.close(socket, 0),
      );
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.socket !== socket || typeof data !== 'string') return;
      this.take(data);
      // Whatever it says, it is there; before `ready` only that counts.
      if (!this.ready) return;
      this.heardAt = Date.now();
      this.watch(socket);
    };
    socket.onclose = ({ code }) => this.close(socket, code);
  }

  private tell(state: LinkState, retryAt: number | null = null): void {
    this.listener.onState(state, retryAt, this.heardAt);
  }

  private signIn(socket: WebSocket, token: string): void {
    socket.send(JSON.stringify({ type: 'auth', token, beats: true, rights: true, vehicles: false }));
  }

  private take(text: string): void {
    const frame = readFrame(text);
    if (frame === null) return;
    if (frame.type !== 'ready') {
      this.listener.onFrame(frame);
      return;
    }
    this.ready = true;
    this.attempts = 0;
    this.refusedTokens = 0;
    this.heardAt = Date.now();
    this.tell('live');
    this.listener.onReady();
  }

  /** Gives the connection up when nothing more is heard on it. */
  private watch(socket: WebSocket): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(socket, 0), SILENCE_MS);
  }

  private close(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.leave();
    if (!this.running) return;
    if (code === NO_ACCESS) {
      this.running = false;
      this.refused = true;
      this.tell('refused');
      return;
    }
    // Once: a server that refuses fresh tokens is met again with pauses.
    if (code === NOT_SIGNED_IN && this.refusedTokens++ === 0) {
      // Nothing is heard until there is a token.
      this.tell('connecting');
      this.environment.renew().then(
        (token) => {
          if (!this.running || this.socket) return;
          if (token === null) this.stop();
          else this.connect();
        },
        () => this.running && !this.socket && this.later(),
      );
      return;
    }
    this.later();
  }

  private later(): void {
    const longest = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.attempts++);
    const wait = longest * (0.5 + this.environment.random() / 2);
    this.tell('lost', Date.now() + wait);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  private leave(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    this.ready = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
