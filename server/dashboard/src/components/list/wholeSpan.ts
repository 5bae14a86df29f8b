import type { PageOf } from '@/api/client';
import type { Cell } from '@/components/files';

/** A file of more rows is opened by few spreadsheets in reasonable time, and fetched with many requests. */
export const MOST_ROWS = 50_000;

/** So many rows the server hands out at once. */
export const LARGEST_PAGE = 1000;

/** What the server's lists are asked for. */
export interface PageQuery extends Partial<Times> {
  limit: number;
  cursor: string | undefined;
}

/** From when until when, RFC 3339. */
export interface Times {
  from: string;
  to: string;
}

/** A list that can be had whole, the newest first. */
export interface SpanFile<R> {
  /** What a file of it is called by: where, and what it holds. */
  names: string[];
  header: string[];
  /** In which its times are written; absent: that of most junctions. */
  zone: string | undefined;
  fetchPage: (span: Times, cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<R>>;
  /** When a row was, RFC 3339. */
  at: (row: R) => string;
  row: (row: R) => Cell[];
}

/** What has been fetched so far, and when the oldest of it was. */
export interface SoFar {
  rows: number;
  back: string | null;
}

/** What was fetched: the cells of each row, and since when rows are missing because there were too many. */
export interface Whole {
  cells: Cell[][];
  cutAt: string | null;
}

/**
 * Fetches all rows of a span page by page, as cells: what else an answer says of each row is not kept. Ends with the first `most` of them, and
 * by an exception once `signal` is aborted.
 */
export async function wholeSpan<R>(
  file: SpanFile<R>,
  span: Times,
  signal: AbortSignal,
  tell: (soFar: SoFar) => void,
  most = MOST_ROWS,
): Promise<Whole> {
  const cells: Cell[][] = [];
  let back: string | null = null;
  let cursor: string | undefined;
  do {
    const { rows, next } = await file.fetchPage(span, cursor, signal);
    signal.throwIfAborted();
    const fitting = rows.slice(0, most - cells.length);
    cells.push(...fitting.map(file.row));
    const oldest = fitting.at(-1);
    if (oldest) back = file.at(oldest);
    if (fitting.length < rows.length || (next && cells.length >= most)) return { cells, cutAt: back };
    tell({ rows: cells.length, back });
    cursor = next ?? undefined;
  } while (cursor);
  return { cells, cutAt: null };
}
