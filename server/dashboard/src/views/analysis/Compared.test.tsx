import { act, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Compared } from './Compared';
import type { Place } from './place';

vi.mock('@/components/plot/TimeFigure', () => ({ TimeFigure: () => <p>the picture</p> }));

beforeAll(startTexts);

const place = { id: 'j', name: 'Swargate', zone: 'Asia/Kolkata', today: '2026-02-10', lanes: [] } as unknown as Place;

it('a present day that could not be fetched again is marked with its age', async () => {
  vi.useFakeTimers({
    now: Date.parse('2026-02-10T12:00:00+05:30'),
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  });
  let isAway = false;
  answerWith(({ pathname }) => (pathname.endsWith('/volumes') && !isAway ? { buckets: [] } : undefined));
  render(<Compared place={place} />, { wrapper: Page });
  await act(() => vi.advanceTimersByTimeAsync(1000));
  expect(screen.getByText('the picture')).toBeDefined();
  expect(screen.queryByTestId('as-of')).toBeNull();
  isAway = true;
  await act(() => vi.advanceTimersByTimeAsync(4 * 60_000));
  expect(screen.getByTestId('as-of').textContent).toContain('4 min old');
});
