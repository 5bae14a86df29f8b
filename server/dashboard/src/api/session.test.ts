import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ProblemError } from './problem';
import { Session } from './session';

const answer = (status: number, body: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

/** A token as the server makes them, but for the signature. */
function token(name: string, lifetimeS: number): string {
  const claims = btoa(JSON.stringify({ sub: name, iat: 1000, exp: 1000 + lifetimeS })).replace(/=/g, '');
  return `e30.${claims}.x`;
}

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.useFakeTimers();
  fetched.mockReset();
  vi.stubGlobal('fetch', fetched);
});

describe('the session', () => {
  it('goes on by the cookie, once for all who ask', async () => {
    fetched.mockResolvedValue(answer(200, { access_token: token('a', 1800) }));
    const session = new Session();
    const tokens = await Promise.all([session.token(), session.token(), session.renew()]);
    expect(new Set(tokens)).toEqual(new Set([token('a', 1800)]));
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(session.state()).toBe('signedIn');
  });

  it('renews before the token ends', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, { access_token: token('a', 1800) })));
    const session = new Session();
    await session.token();
    await vi.advanceTimersByTimeAsync(1739_000);
    expect(fetched).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  it('is over when the server says so, and stays when the server cannot be reached', async () => {
    const session = new Session();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('a', 1800) }));
    await session.token();
    fetched.mockRejectedValueOnce(new TypeError('network'));
    await expect(session.renew()).rejects.toMatchObject({ status: 0 });
    expect(session.state()).toBe('signedIn');
    fetched.mockResolvedValueOnce(answer(401, { detail: 'This session is over; sign in again' }));
    expect(await session.renew()).toBeNull();
    expect([session.state(), session.ended()]).toEqual(['signedOut', true]);
    expect(await session.token()).toBeNull();
  });

  it('waits for its user while something is not saved, and is another visit for anybody else', async () => {
    const session = new Session();
    let unsaved = true;
    session.interruptWhile(() => unsaved);
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('a', 1800) }));
    await session.token();
    const first = session.visit();
    const ends = async () => {
      fetched.mockResolvedValueOnce(answer(401, { detail: 'This session is over; sign in again' }));
      expect(await session.renew()).toBeNull();
    };
    const signsIn = (name: string) => {
      fetched.mockResolvedValueOnce(answer(200, { access_token: token(name, 1800) }));
      return session.signIn(name, 'secret');
    };
    await ends();
    expect([session.state(), session.ended(), await session.token()]).toEqual(['interrupted', true, null]);
    // Nobody goes on by asking again.
    await ends();
    expect(session.state()).toBe('interrupted');
    await signsIn('a');
    expect([session.state(), session.visit()]).toEqual(['signedIn', first]);

    await ends();
    const states: string[] = [];
    session.subscribe(() => states.push(session.state()));
    await signsIn('b');
    expect(states).toEqual(['signedOut', 'signedIn']);
    expect(session.visit()).not.toBe(first);

    // A page beside this one has signed somebody else in.
    const second = session.visit();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('c', 1800) }));
    await session.renew();
    expect([session.state(), session.visit() === second]).toEqual(['signedIn', false]);

    unsaved = false;
    await ends();
    expect(session.state()).toBe('signedOut');
    unsaved = true;
    await signsIn('c');
    fetched.mockResolvedValueOnce(new Response(null, { status: 204 }));
    await session.signOut();
    expect(session.state()).toBe('signedOut');
  });

  it('begins as soon as the server is there, and says meanwhile that it is not', async () => {
    const session = new Session();
    fetched.mockRejectedValueOnce(new TypeError('network'));
    session.start();
    await vi.advanceTimersByTimeAsync(0);
    fetched.mockResolvedValueOnce(answer(503, { detail: 'The database is away' }));
    await vi.advanceTimersByTimeAsync(3000);
    expect([session.state(), session.isUnreached()]).toEqual(['unknown', true]);
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('a', 1800) }));
    await vi.advanceTimersByTimeAsync(3000);
    expect([session.state(), session.isUnreached()]).toEqual(['signedIn', false]);
  });

  it('begins signed out where the cookie no longer holds', async () => {
    const session = new Session();
    fetched.mockResolvedValueOnce(answer(401, { detail: 'There is no session' }));
    session.start();
    await vi.advanceTimersByTimeAsync(0);
    expect([session.state(), session.isUnreached()]).toEqual(['signedOut', false]);
  });

  it('tells a sign-out again until the server has heard it, and says so meanwhile', async () => {
    const session = new Session();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('a', 1800) }));
    await session.token();
    fetched.mockRejectedValueOnce(new TypeError('network'));
    await session.signOut();
    expect([session.state(), session.untoldSignOut()]).toEqual(['signedOut', true]);
    fetched.mockResolvedValueOnce(answer(503, { detail: 'The database is away' }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(session.untoldSignOut()).toBe(true);
    fetched.mockResolvedValueOnce(new Response(null, { status: 204 }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(session.untoldSignOut()).toBe(false);
    const asked = fetched.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetched).toHaveBeenCalledTimes(asked);
    fetched.mockRejectedValueOnce(new TypeError('network'));
    await session.signOut();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('b', 1800) }));
    await session.signIn('asha', 'secret');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([session.state(), session.untoldSignOut()]).toEqual(['signedIn', false]);
  });

  it('stays over when it is ended while its token is renewed, and begins anew whatever comes of that', async () => {
    const session = new Session();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('a', 1800) }));
    await session.token();
    const renewals: ((response: Response) => void)[] = [];
    const renewing = () => {
      fetched.mockReturnValueOnce(new Promise((resolve) => renewals.push(resolve)));
      return session.renew();
    };
    const first = renewing();
    fetched.mockResolvedValueOnce(new Response(null, { status: 204 }));
    await session.signOut();
    renewals[0]?.(answer(200, { access_token: token('a', 1800) }));
    expect([await first, session.state(), await session.token()]).toEqual([null, 'signedOut', null]);

    fetched.mockResolvedValueOnce(answer(200, { access_token: token('b', 1800) }));
    await session.signIn('asha', 'secret');
    const second = renewing();
    fetched.mockResolvedValueOnce(new Response(null, { status: 204 }));
    await session.signOut();
    fetched.mockResolvedValueOnce(answer(200, { access_token: token('c', 1800) }));
    await session.signIn('asha', 'secret');
    renewals[1]?.(answer(401, { detail: 'This session is over' }));
    expect([await second, session.state(), await session.token()]).toEqual([null, 'signedIn', token('c', 1800)]);
  });

  it('tells that a code is needed', async () => {
    const fields = [{ field: 'totp', message: 'totp is missing' }];
    fetched.mockResolvedValue(answer(401, { detail: 'A one-time code is needed', errors: fields }));
    const error = await new Session().signIn('asha', 'secret').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).about('totp')).toBe('totp is missing');
  });

  it('tells how long to wait after too many attempts', async () => {
    fetched.mockResolvedValue(answer(429, { detail: 'Too many attempts' }, { 'Retry-After': '120' }));
    await expect(new Session().signIn('asha', 'secret')).rejects.toMatchObject({ retryAfter: 120, status: 429 });
  });
});
