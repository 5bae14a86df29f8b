import { useQueryClient } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import { answerWith, Page } from '@/testing/page';
import { useJunctionNames } from './junctions';

it('the names of junctions stay the same while other things of them change, so that no list is drawn anew', async () => {
  const place = { junction_id: 'j', junction_name: 'Kothrud', status: 'online' };
  let fetched = 0;
  answerWith(({ pathname }) => {
    if (pathname !== '/api/junctions/') return undefined;
    fetched++;
    return [{ ...place }];
  });
  let drawn = 0;
  const { result } = renderHook(
    () => {
      drawn++;
      return { of: useJunctionNames(), client: useQueryClient() };
    },
    { wrapper: Page },
  );
  const again = () => act(() => result.current.client.invalidateQueries({ queryKey: ['junctions'] }));
  await waitFor(() => expect(result.current.of('j')).toBe('Kothrud'));
  const before = { of: result.current.of, drawn };
  place.status = 'error';
  await again();
  expect(fetched).toBe(2);
  expect({ of: result.current.of, drawn }).toEqual(before);
  place.junction_name = 'Kothrud Depot';
  await again();
  await waitFor(() => expect(result.current.of('j')).toBe('Kothrud Depot'));
});
