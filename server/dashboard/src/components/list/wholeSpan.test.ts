import { describe, expect, it } from 'vitest';
import { type SoFar, type SpanFile, wholeSpan } from './wholeSpan';

const SPAN = { from: '2026-02-10T00:00:00Z', to: '2026-02-10T12:00:00Z' };
const at = (row: number) => new Date(Date.parse(SPAN.to) - row * 60_000).toISOString();

/** A list of `count` rows, in pages of 40; a row is a number. */
const list = (count: number, asked: (string | undefined)[] = []): SpanFile<number> => ({
  names: ['Kothrud', 'Cycles'],
  header: ['Row'],
  zone: undefined,
  fetchPage: (span, cursor, signal) => {
    signal.throwIfAborted();
    expect(span).toEqual(SPAN);
    asked.push(cursor);
    const start = Number(cursor ?? 0);
    const rows = Array.from({ length: Math.min(40, count - start) }, (_, index) => start + index);
    return Promise.resolve({ rows, next: start + 40 < count ? String(start + 40) : null });
  },
  at,
  row: (row) => [row],
});

const fetched = (file: SpanFile<number>, most?: number) => {
  const told: SoFar[] = [];
  const whole = wholeSpan(file, SPAN, new AbortController().signal, (soFar) => told.push(soFar), most);
  return { whole, told };
};

describe('what a list holds of a span', () => {
  it('comes page by page until the last one, and says how far it is', async () => {
    const { whole, told } = fetched(list(100));
    const { cells, cutAt } = await whole;
    expect(cells).toEqual(Array.from({ length: 100 }, (_, row) => [row]));
    expect(cutAt).toBeNull();
    expect(told).toEqual([40, 80, 100].map((rows) => ({ rows, back: at(rows - 1) })));
  });

  it('is cut behind as many rows as a file may have, and says where', async () => {
    const asked: (string | undefined)[] = [];
    expect(await fetched(list(200, asked), 60).whole).toMatchObject({ cells: { length: 60 }, cutAt: at(59) });
    // What would not fit is not asked for.
    expect(asked).toEqual([undefined, '40']);
    expect(await fetched(list(200), 80).whole).toMatchObject({ cells: { length: 80 }, cutAt: at(79) });
  });

  it('is whole where it has exactly as many', async () => {
    expect(await fetched(list(80), 80).whole).toMatchObject({ cells: { length: 80 }, cutAt: null });
    expect(await fetched(list(0)).whole).toEqual({ cells: [], cutAt: null });
  });

  it('goes on behind a page without rows', async () => {
    const file = list(100);
    const emptied = { ...file, fetchPage: (...args: Parameters<typeof file.fetchPage>) => file.fetchPage(...args) };
    emptied.fetchPage = async (...args) => {
      const page = await file.fetchPage(...args);
      return args[1] === undefined ? { ...page, rows: [] } : page;
    };
    expect((await fetched(emptied).whole).cells).toHaveLength(60);
  });

  it('is no longer fetched once nobody wants it', async () => {
    const asked: (string | undefined)[] = [];
    const work = new AbortController();
    const whole = wholeSpan(list(200, asked), SPAN, work.signal, () => work.abort());
    await expect(whole).rejects.toThrow();
    expect(asked).toEqual([undefined]);
  });
});
