import { act, fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Preview } from './Preview';

beforeAll(startTexts);

it('a preview that could not be had is asked for again without another green', async () => {
  let failing = true;
  answerWith(() =>
    failing
      ? Response.json({ detail: 'The planner is busy' }, { status: 503 })
      : { plan: { total_cycle_time: 90, predicted: { mean_s: 20 } }, running: { predicted: { mean_s: 30 } } },
  );
  render(<Preview junctionId="j" stages={[{ stage: 'N', green_s: 30 }]} />, { wrapper: Page });
  const again = await screen.findByText('Try again', {}, { timeout: 10_000 });
  failing = false;
  fireEvent.click(again);
  expect((await screen.findByTestId('preview', {}, { timeout: 10_000 })).textContent).toContain(
    '10 s per vehicle less',
  );
});

it('a preview that is left open is fetched again, and says how old it is once it cannot be', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  let after = 20;
  answerWith(({ pathname }) =>
    !pathname.endsWith('/preview')
      ? undefined
      : after === 0
        ? Response.json({ detail: 'The planner is busy' }, { status: 503 })
        : { plan: { total_cycle_time: 90, predicted: { mean_s: after } }, running: { predicted: { mean_s: 30 } } },
  );
  render(<Preview junctionId="j" stages={[{ stage: 'N', green_s: 30 }]} />, { wrapper: Page });
  await screen.findByText('10 s per vehicle less');
  after = 25;
  await act(() => vi.advanceTimersByTimeAsync(31_000));
  await screen.findByText('5 s per vehicle less');
  expect(screen.queryByTestId('as-of')).toBeNull();
  after = 0;
  await act(() => vi.advanceTimersByTimeAsync(31_000));
  await screen.findByTestId('as-of');
  expect(screen.getByTestId('preview').textContent).toContain('5 s per vehicle less');
});
