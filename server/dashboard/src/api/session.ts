import { fetchInTime } from './limit';
import { ProblemError, problemOf } from './problem';

/**
 * Who is signed in: `unknown` until the cookie of an earlier sign-in was tried. `interrupted`: the session has ended while something was not
 * saved, which waits for its user to sign in again.
 */
export type SessionState = 'unknown' | 'signedOut' | 'signedIn' | 'interrupted';

interface Held {
  token: string;
  /** When it ends by this machine's monotonic clock, milliseconds. */
  endsAt: number;
}

interface Claims {
  /** The user. */
  sub: string;
  exp: number;
  iat: number;
}

/** Other pages of this browser may show the same cookie at the same time. */
const SEVERAL_PAGES = { 'X-Several-Pages': '1' };
/** A token is renewed so long before its end, milliseconds. */
const EARLY_MS = 60_000;
/** Until a sign-out that the server has not heard is told again, milliseconds. */
const TELL_AGAIN_MS = 5000;
/** Until a server that was not there as the page began is asked again, milliseconds. */
const START_AGAIN_MS = 3000;

/** Whether the same question may well be answered later. */
const isPassing = (status: number) => status === 0 || status === 429 || status >= 500;

/** What a token says of itself; nothing where it cannot be read. */
function claimsOf(token: string): Partial<Claims> {
  try {
    const part = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(atob(part)) as Partial<Claims>;
  } catch {
    return {};
  }
}

function lifetimeMs({ exp, iat }: Partial<Claims>): number {
  // The difference of two times of the server: this machine's clock may be wrong.
  if (typeof exp === 'number' && typeof iat === 'number') return (exp - iat) * 1000;
  // A token that cannot be read is renewed when the server refuses it.
  return 10 * 60_000;
}

/**
 * The sign-in of this page. The access token is held in memory only; the next one comes for the httpOnly cookie that the
 * server has set.
 */
export class Session {
  private held: Held | null = null;
  private current: SessionState = 'unknown';
  private over = false;
  private isUnsaved: () => boolean = () => false;
  /** Whose session it is, or was until it was interrupted. */
  private user: string | undefined;
  private visits = 0;
  private unreached = false;
  /** Headers of a sign-out that the server has not heard. */
  private untold: Record<string, string> | null = null;
  private renewal: Promise<string | null> | null = null;
  /** How many sessions have ended here: what was asked for one of before says nothing of this one. */
  private generation = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  readonly state = (): SessionState => this.current;

  /** Whether a session ended that nobody here has ended. */
  readonly ended = (): boolean => this.over;

  /** Tells visits apart: a session that goes on after an interruption is of the same one, that of another user never. */
  readonly visit = (): number => this.visits;

  /** While `isUnsaved` says so a session that ends is only interrupted. */
  interruptWhile(isUnsaved: () => boolean): void {
    this.isUnsaved = isUnsaved;
  }

  /** Whether somebody signed out here and the server does not know: its cookie would sign in again. */
  readonly untoldSignOut = (): boolean => this.untold !== null;

  /** Whether nobody knows yet who is signed in, as the server does not answer. */
  readonly isUnreached = (): boolean => this.unreached;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A token that holds, renewed when its end is near; null: nobody is signed in. */
  async token(): Promise<string | null> {
    if (this.held && this.held.endsAt - performance.now() > EARLY_MS / 2) return this.held.token;
    return this.current === 'signedOut' || this.current === 'interrupted' ? null : this.renew();
  }

  /** Asks for the next token, once for all who want it. Fails when the server cannot be reached. */
  renew(): Promise<string | null> {
    if (this.renewal) return this.renewal;
    const renewal = this.fetchNext().finally(() => {
      if (this.renewal === renewal) this.renewal = null;
    });
    this.renewal = renewal;
    return renewal;
  }

  /** Goes on by the cookie of an earlier visit. A page that begins before its server does waits for that: the cookie may well hold. */
  start(): void {
    this.renew().then(
      () => {
        this.unreached = false;
      },
      (error: unknown) => {
        this.unreached = error instanceof ProblemError && isPassing(error.status);
        if (!this.unreached) this.drop();
        else {
          this.become(this.current);
          this.timer = setTimeout(() => this.start(), START_AGAIN_MS);
        }
      },
    );
  }

  /** Signs in. Fails with the server's sentence; `totp` among its fields: a one-time code is missing or wrong. */
  async signIn(username: string, password: string, totp?: string): Promise<void> {
    const form = new URLSearchParams({ username, password });
    if (totp) form.set('totp', totp);
    // The sign-out of before, told now, would end the session that begins.
    clearTimeout(this.timer);
    try {
      this.hold(await this.ask('/api/users/token', { method: 'POST', body: form }));
    } catch (error) {
      if (this.untold) this.tellAgain(this.untold);
      throw error;
    }
  }

  /** Ends the session here and on the server. */
  async signOut(): Promise<void> {
    const token = this.held?.token;
    this.over = false;
    this.drop();
    await this.tellSignOut(token ? { Authorization: `Bearer ${token}` } : {});
  }

  private async tellSignOut(headers: Record<string, string>): Promise<void> {
    const before = this.untold;
    try {
      await this.ask('/api/users/logout', { method: 'POST', headers });
      this.untold = null;
    } catch (error) {
      // A session that the server does not know is over; one that has begun meanwhile has taken its place.
      const isOver = error instanceof ProblemError && error.status === 401;
      this.untold = isOver || this.current !== 'signedOut' ? null : headers;
    }
    if (this.untold) this.tellAgain(headers);
    if (this.untold !== before) this.become(this.current);
  }

  private tellAgain(headers: Record<string, string>): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.tellSignOut(headers), TELL_AGAIN_MS);
  }

  /** Forgets the token: the server no longer takes it. */
  drop(): void {
    this.forget();
    this.leave();
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.held = null;
    this.renewal = null;
    this.generation += 1;
  }

  private leave(): void {
    this.visits += 1;
    this.user = undefined;
    this.become('signedOut');
  }

  private async fetchNext(): Promise<string | null> {
    const { generation } = this;
    try {
      const token = await this.ask('/api/users/token/refresh', { method: 'POST', headers: SEVERAL_PAGES });
      return this.generation === generation ? this.hold(token) : null;
    } catch (error) {
      if (this.generation !== generation) return null;
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      this.over ||= this.held !== null;
      if (this.over && this.isUnsaved()) {
        this.forget();
        this.become('interrupted');
      } else this.drop();
      return null;
    }
  }

  private async ask(path: string, options: RequestInit): Promise<string> {
    const response = await fetchInTime(path, { ...options, credentials: 'same-origin' });
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) throw problemOf(body, response);
    return (body as { access_token?: string }).access_token ?? '';
  }

  private hold(token: string): string {
    this.over = false;
    this.untold = null;
    const claims = claimsOf(token);
    // Somebody else finds nothing of who was here before, also where another page of this browser has changed the cookie.
    if (this.user !== undefined && claims.sub !== this.user) this.leave();
    this.user = claims.sub;
    const lifetime = lifetimeMs(claims);
    this.held = { token, endsAt: performance.now() + lifetime };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.renew().catch(() => undefined), Math.max(1000, lifetime - EARLY_MS));
    this.become('signedIn');
    return token;
  }

  private become(state: SessionState): void {
    this.current = state;
    for (const listener of this.listeners) listener();
  }
}

/** The session of this page. */
export const session = new Session();
