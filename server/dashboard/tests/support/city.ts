import { randomBytes, createHmac } from 'node:crypto';

export const PASSWORD = 'mirror-tram-basalt-42';

/** The address of the server under test. */
export const address = (): string => {
  const url = process.env.FLEXTRAFF_TEST_URL;
  if (!url) throw new Error('the server is not started');
  return url;
};

/** A request as a program sends it; throws the server's sentence when it is refused. */
export async function call<T>(method: string, path: string, token: string | null, body?: unknown): Promise<T> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(address() + path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text ? JSON.parse(text) : null) as T;
}

export async function tokenOf(username: string, password = PASSWORD): Promise<string> {
  const answer = await fetch(`${address()}/api/users/token`, {
    method: 'POST',
    body: new URLSearchParams({ username, password }),
  });
  const body = (await answer.json()) as { access_token?: string; detail?: string };
  if (!body.access_token) throw new Error(body.detail);
  return body.access_token;
}

/** The administrator of the city, registered by whoever comes first. */
export async function admin(): Promise<string> {
  const { first_user } = await call<{ first_user: string }>('GET', '/api/dashboard', null);
  if (first_user !== 'registered') {
    const body = {
      username: 'admin',
      email: 'admin@city.example',
      password: PASSWORD,
      full_name: 'A. Rao',
      is_admin: true,
    };
    await call('POST', '/api/users/register', null, body);
  }
  return tokenOf('admin');
}

/** A user with a name of his own who is no administrator. */
export async function plainUser(token: string): Promise<{ user_id: string; username: string }> {
  const username = `user-${randomBytes(4).toString('hex')}`;
  return call('POST', '/api/users/register', token, {
    username,
    email: `${username}@city.example`,
    password: PASSWORD,
  });
}

export interface Junction {
  junction_id: string;
  junction_name: string;
}

export async function junction(token: string, name: string, place: object = {}): Promise<Junction> {
  const body = { junction_name: name, city: 'Pune', latitude: 18.52, longitude: 73.85, ...place };
  return call('POST', '/api/junctions/', token, body);
}

/** The code that an authenticator app shows at a time (RFC 6238, SHA-1, 6 digits, 30 s). */
export function oneTimeCode(secret: string, at = Date.now()): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = secret
    .split('')
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return ((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).toString().padStart(6, '0');
}
