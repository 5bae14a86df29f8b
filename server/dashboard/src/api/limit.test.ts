import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { fetchInTime, LIMIT_MS } from './limit';
import { sentenceOf } from './problem';

beforeAll(startTexts);

describe('a line that swallows everything', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal(
      'fetch',
      (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_, fail) => signal.addEventListener('abort', () => fail(new DOMException('over', 'AbortError')))),
    );
  });
  /** What is said of a request, and after how long. */
  const failed = async (path: string, method: string, afterMs: number) => {
    const told = vi.fn<(error: unknown) => void>();
    fetchInTime(new Request(`http://server${path}`, { method })).catch(told);
    await vi.advanceTimersByTimeAsync(afterMs - 1);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    return sentenceOf(told.mock.calls[0]?.[0]);
  };

  it('is no answer in time to what is only read', async () => {
    expect(await failed('/api/alarms', 'GET', LIMIT_MS.read)).toBe('The server has not answered in time');
    expect(await failed('/api/junctions/j/plans/preview', 'POST', LIMIT_MS.read)).toMatch(/in time/);
    expect(await failed('/api/analytics/junction/j/daily', 'GET', LIMIT_MS.most)).toMatch(/in time/);
  });

  it('leaves open what has become of a change, after the server would have given up', async () => {
    expect(await failed('/api/junctions/j/mode', 'PUT', LIMIT_MS.most)).toMatch(/not known whether this arrived/);
  });

  it('is no failure for who no longer wants the answer', async () => {
    const leaving = new AbortController();
    const told = fetchInTime(new Request('http://server/api/alarms', { signal: leaving.signal }));
    leaving.abort();
    await expect(told).rejects.toMatchObject({ name: 'AbortError' });
  });
});
