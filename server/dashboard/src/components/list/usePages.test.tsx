import { act, renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { Page } from '@/testing/page';
import { usePages } from './usePages';

it('a list that stays open is fetched again each minute', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  let rows = 0;
  const { result } = renderHook(
    () =>
      usePages(['lines'], () => Promise.resolve({ rows: Array.from({ length: ++rows }, (_, at) => at), next: null })),
    { wrapper: Page },
  );
  const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  await passes(100);
  expect(result.current.data).toHaveLength(1);
  await passes(120_000);
  expect(result.current.data).toHaveLength(3);
});
