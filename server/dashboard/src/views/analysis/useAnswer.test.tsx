import { act, render, renderHook, screen } from '@testing-library/react';
import { MantineProvider } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Answered } from './Answered';
import type { Place } from './place';
import { lastDays } from './span';
import { useVolumes } from './useAnswer';
import { useToday } from './useToday';

beforeAll(startTexts);

const ZONE = 'Asia/Kolkata';
const place = { id: 'j', zone: ZONE } as Place;
const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const HOUR_MS = 3_600_000;

describe('a page that stays open', () => {
  const beginAt = (time: string) =>
    vi.useFakeTimers({
      now: Date.parse(time),
      toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    });

  it('goes on to the next day at midnight', async () => {
    beginAt('2026-02-10T23:58:30+05:30');
    const { result } = renderHook(() => useToday(ZONE));
    expect(result.current).toBe('2026-02-10');
    await passes(2 * 60_000);
    expect(result.current).toBe('2026-02-11');
  });

  it('follows a day until an answer came after its end, and knows from when each answer is', async () => {
    beginAt('2026-02-10T23:50:00+05:30');
    let asked = 0;
    answerWith(({ pathname }) => {
      if (!pathname.endsWith('/volumes')) return undefined;
      asked += 1;
      return { buckets: [] };
    });
    const today = lastDays('2026-02-10', 1);
    const { result } = renderHook(() => useVolumes(place, today, '15m'), { wrapper: Page });
    await passes(1000);
    const first = result.current.data?.fetchedAt ?? 0;
    expect([asked, first]).toEqual([1, Date.parse('2026-02-10T23:50:00+05:30')]);
    await passes(8 * 60_000);
    expect(asked).toBe(3);
    expect(result.current.data?.fetchedAt).toBe(first + 6 * 60_000);
    await passes(HOUR_MS);
    // At 23:59, and once more after midnight.
    expect(asked).toBe(5);
  });

  it('does not fetch again what was over before', async () => {
    beginAt('2026-02-10T12:00:00+05:30');
    let asked = 0;
    answerWith(({ pathname }) => (pathname.endsWith('/volumes') ? { buckets: [(asked += 1)] } : undefined));
    renderHook(() => useVolumes(place, lastDays('2026-02-09', 7), '1h'), { wrapper: Page });
    await passes(HOUR_MS);
    expect(asked).toBe(1);
  });
});

it('pictures of the span before are marked, and nothing of them can be saved under the new dates', () => {
  const shown = (isPlaceholderData: boolean) => {
    const query = { data: 'volumes', error: null, isPlaceholderData } as UseQueryResult<string>;
    return (
      <MantineProvider env="test">
        <Answered query={query} height={1}>
          {(data) => <button>{`Save ${data}`}</button>}
        </Answered>
      </MantineProvider>
    );
  };
  const { rerender } = render(shown(true));
  const frame = () => screen.getByText('Save volumes').closest('[aria-busy]');
  expect([frame()?.ariaBusy, frame()?.hasAttribute('inert')]).toEqual(['true', true]);
  rerender(shown(false));
  expect([frame()?.ariaBusy, frame()?.hasAttribute('inert')]).toEqual(['false', false]);
});
