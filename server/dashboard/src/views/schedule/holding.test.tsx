import { useQuery } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { answerWith, Page } from '@/testing/page';
import { scheduleOptions } from './queries';
import { useHolding } from './useHolding';

interface Told {
  entry: string;
  until?: string;
}

it('what holds at present is said no longer than it does', async () => {
  vi.useFakeTimers({ now: Date.parse('2026-02-10T04:29:58Z') });
  const morning: Told = { entry: 'Morning', until: '2026-02-10T04:30:00Z' };
  const always: Told = { entry: 'Always' };
  const { result } = renderHook(() => ({
    first: useHolding(morning)?.entry,
    second: useHolding(always)?.entry,
  }));
  expect(result.current).toEqual({ first: 'Morning', second: 'Always' });
  await act(() => vi.advanceTimersByTimeAsync(2000));
  expect(result.current).toEqual({ first: undefined, second: 'Always' });
});

it('what holds at present is asked again each minute', async () => {
  vi.useFakeTimers();
  let asked = 0;
  answerWith(() => ({ entries: [], asked: (asked += 1) }));
  renderHook(() => useQuery(scheduleOptions('j')), { wrapper: Page });
  await act(() => vi.advanceTimersByTimeAsync(1000));
  expect(asked).toBe(1);
  await act(() => vi.advanceTimersByTimeAsync(61_000));
  expect(asked).toBe(2);
});
