import { useQuery } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { answerWith, Page } from '@/testing/page';
import { useJunctions } from './junctions';
import { linksOptions } from './links';
import { useSettings } from './settings';
import { accessOptions, userOptions } from './users';

it('what others may change and nothing tells of is asked again each minute', async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  answerWith(({ pathname }) => {
    asked.push(pathname);
    return [];
  });
  const useEverything = () => {
    useJunctions();
    useSettings();
    useQuery(linksOptions);
    useQuery(userOptions('u'));
    useQuery(accessOptions('u'));
  };
  renderHook(useEverything, { wrapper: Page });
  await act(() => vi.advanceTimersByTimeAsync(1000));
  const all = ['/api/junctions/', '/api/links', '/api/settings', '/api/users/u', '/api/users/u/access'];
  expect(asked.sort()).toEqual(all);
  asked.length = 0;
  await act(() => vi.advanceTimersByTimeAsync(61_000));
  expect(asked.sort()).toEqual(all);
});
