import { ProblemError, Unanswered } from './problem';

/**
 * How long an answer is waited for, milliseconds. The server gives up after 30 s and says so: of what changes something, and of what takes it
 * long, its own word is waited for. A line that swallows everything gives none.
 */
export const LIMIT_MS = { read: 15_000, most: 35_000 };

/** What is asked for by POST and changes nothing. */
const READS = /\/plans\/preview$/;
/** Reads in which the server goes through months of counts. */
const LONG = /\/analytics\/|\/export$/;

/** `fetch` that fails with {@link Unanswered} where no answer begins in time, and with status 0 where none can come. */
export async function fetchInTime(input: Request | string, options: RequestInit = {}): Promise<Response> {
  const [method, given, address] =
    input instanceof Request
      ? [input.method, input.signal, new URL(input.url).pathname]
      : [options.method ?? 'GET', options.signal, input];
  const changes = method !== 'GET' && !READS.test(address);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), changes || LONG.test(address) ? LIMIT_MS.most : LIMIT_MS.read);
  try {
    const signal = given ? AbortSignal.any([given, limit.signal]) : limit.signal;
    return await fetch(input, { ...options, signal });
  } catch (error) {
    if (given?.aborted) throw error;
    throw limit.signal.aborted ? new Unanswered(changes) : new ProblemError(0);
  } finally {
    // A file of many megabytes may come for minutes once it comes.
    clearTimeout(timer);
  }
}
