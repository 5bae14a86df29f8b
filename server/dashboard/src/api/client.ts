import createClient, { type FetchResponse } from 'openapi-fetch';
import { clock } from './clock';
import { fetchInTime } from './limit';
import { ProblemError, problemOf } from './problem';
import type { paths } from './schema';
import { session } from './session';

/** Sends a request as the signed-in user; one that is refused for its token is sent once more with the next one. */
async function authorised(request: Request): Promise<Response> {
  const send = async (token: string | null, original: Request) => {
    if (token) original.headers.set('Authorization', `Bearer ${token}`);
    const sentAt = Date.now();
    const response = await fetchInTime(original);
    clock.learn(response.headers.get('Date'), sentAt, Date.now());
    return response;
  };
  const again = request.clone();
  const token = await session.token();
  // The views that wait for their user go on asking: the server need not hear of it.
  if (!token && session.state() === 'interrupted') throw new ProblemError(401);
  const response = await send(token, request);
  if (response.status !== 401 || !token) return response;
  const next = await session.renew();
  return next ? send(next, again) : response;
}

/** The server's API, typed by its OpenAPI document. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorised });

type Answer<T extends Record<string | number, unknown>, O> = Promise<FetchResponse<T, O, `${string}/${string}`>>;

/** The data of an answer; a refusal is thrown as a {@link ProblemError}. */
export async function data<T extends Record<string | number, unknown>, O>(
  answer: Answer<T, O>,
): Promise<NonNullable<FetchResponse<T, O, `${string}/${string}`>['data']>> {
  const { data: found, error, response } = await answer;
  if (!response.ok || error !== undefined) throw problemOf(error, response);
  return found as NonNullable<typeof found>;
}

/** Data with the tag by which a change of it says what it replaces. */
export async function tagged<T extends Record<string | number, unknown>, O>(
  answer: Answer<T, O>,
): Promise<NonNullable<FetchResponse<T, O, `${string}/${string}`>['data']> & Tag> {
  const [found, { response }] = await Promise.all([data(answer), answer]);
  // A proxy that compresses an answer makes its tag a weak one.
  return { ...found, tag: response.headers.get('ETag')?.replace(/^W\//, '') ?? null };
}

/** The tag of what was fetched. */
export interface Tag {
  tag: string | null;
}

/** A page of a list, and the cursor of the next one. */
export interface PageOf<T> {
  rows: T[];
  next: string | null;
}

/** A page with the cursor that its `Link` header names. */
export async function page<T extends Record<string | number, unknown>, O>(
  answer: Answer<T, O>,
): Promise<PageOf<NonNullable<FetchResponse<T, O, `${string}/${string}`>['data']> extends (infer R)[] ? R : never>> {
  const { data: found, error, response } = await answer;
  if (!response.ok || error !== undefined) throw problemOf(error, response);
  const link = /[?&]cursor=([0-9a-f]+)[^>]*>; rel="next"/.exec(response.headers.get('Link') ?? '');
  return { rows: (found ?? []) as never, next: link?.[1] ?? null };
}

/** All rows of a list, page by page. */
export async function all<R>(fetchPage: (cursor: string | undefined) => Promise<PageOf<R>>): Promise<R[]> {
  const rows: R[] = [];
  let cursor: string | undefined;
  do {
    const next: PageOf<R> = await fetchPage(cursor);
    rows.push(...next.rows);
    cursor = next.next ?? undefined;
  } while (cursor);
  return rows;
}
