import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { PageOf } from '@/api/client';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { SaveSpan } from './SaveSpan';
import { MOST_ROWS, type SpanFile, type Times } from './wholeSpan';

beforeAll(startTexts);

const NOW = '2026-02-10T12:00:30Z';
const saved: { name: string; text: unknown }[] = [];

vi.mock('@/components/files', async (original) => ({
  ...(await original<object>()),
  saveFile: (name: string, text: unknown) => saved.push({ name, text }),
}));

beforeEach(() => {
  saved.length = 0;
  vi.useFakeTimers({ now: Date.parse(NOW), toFake: ['Date'] });
});

interface Asked {
  span: Times;
  signal: AbortSignal;
  answer: (page: PageOf<string>) => void;
}

/** A list whose pages come when the test says so. */
function shown() {
  const asked: Asked[] = [];
  const file: SpanFile<string> = {
    names: ['Kothrud', 'Cycles'],
    header: ['Start'],
    zone: 'Asia/Kolkata',
    fetchPage: (span, _, signal) =>
      new Promise((answer, fail) => {
        signal.addEventListener('abort', () => fail(new DOMException('aborted', 'AbortError')));
        asked.push({ span, signal, answer });
      }),
    at: (row) => row,
    row: (row) => [row],
  };
  const view = render(<SaveSpan file={file} />, { wrapper: Page });
  fireEvent.click(screen.getByText('Save as CSV …'));
  const answer = (page: PageOf<string>) => asked.at(-1)?.answer(page);
  return { asked, answer, ...view };
}

const press = (name: string) => act(() => fireEvent.click(screen.getByRole('button', { name })));

it('a click beside it ends nothing', async () => {
  const { asked } = shown();
  await press('Save');
  const beside = document.querySelector('[class*="Modal-overlay"]');
  if (beside) await act(() => fireEvent.click(beside));
  expect(beside).not.toBeNull();
  expect(screen.getByRole('dialog')).toBeDefined();
  expect(asked[0]?.signal.aborted).toBe(false);
});

it('all of the chosen span is saved, page after page, and not only what is shown', async () => {
  const { asked, answer } = shown();
  await press('Last 7 days');
  await press('Save');
  expect(asked[0]?.span).toEqual({ from: '2026-02-03T12:00:00.000Z', to: '2026-02-10T12:00:30.000Z' });
  answer({ rows: ['2026-02-10T11:00:00Z'], next: 'a' });
  expect(await screen.findByText(/^1 row, back to 10 Feb 2026, 16:30/)).toBeTruthy();
  expect(asked).toHaveLength(2);
  answer({ rows: ['2026-02-04T11:00:00Z'], next: null });
  await waitFor(() => expect(saved).toHaveLength(1));
  expect(saved.map(({ name }) => name)).toEqual(['Kothrud_Cycles_2026-02-03T17-30_2026-02-10T17-30.csv']);
  expect(saved[0]?.text).toBe('Start\r\n2026-02-10T11:00:00Z\r\n2026-02-04T11:00:00Z\r\n');
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Save' })).toBeNull());
});

it('what does not fit is told, and the next file goes on there', async () => {
  const { asked, answer } = shown();
  await press('Save');
  const rows = Array.from({ length: MOST_ROWS + 1 }, () => '2026-02-10T03:00:00Z');
  answer({ rows, next: null });
  expect((await screen.findByRole('status')).textContent).toMatch(/newest 50,000 rows, back to 10 Feb 2026, 08:30/);
  expect(saved).toHaveLength(1);
  await press('Save');
  expect(asked[1]?.span).toEqual({ from: '2026-02-09T12:00:00.000Z', to: '2026-02-10T03:00:00Z' });
});

it('who cancels or goes elsewhere is asked for nothing more and gets no file', async () => {
  const { asked, unmount } = shown();
  await press('Save');
  await press('Cancel');
  expect(asked[0]?.signal.aborted).toBe(true);
  await waitFor(() => expect(screen.queryByRole('progressbar')).toBeNull());
  expect(screen.queryByRole('alert')).toBeNull();
  await press('Save');
  expect(asked[1]?.signal.aborted).toBe(false);
  unmount();
  expect(asked[1]?.signal.aborted).toBe(true);
  expect(saved).toEqual([]);
});

it('nothing in the span is said, and makes no file', async () => {
  const { answer } = shown();
  await press('Save');
  answer({ rows: [], next: null });
  expect((await screen.findByRole('status')).textContent).toBe('There is nothing in this time.');
  expect(saved).toEqual([]);
});
