import { useQuery } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Page } from '@/testing/page';
import { useEdited } from './useEdited';
import { useSave } from './useSave';

it('what is changed here is given up only once what another has saved is there', async () => {
  const versions = [{ tag: '"1"', name: 'first' }];
  const { result } = renderHook(
    () => {
      const { data } = useQuery({
        queryKey: ['it'],
        queryFn: () => {
          const newest = versions.at(-1);
          return newest ?? Promise.reject(new Error('The server is busy'));
        },
      });
      const edited = useEdited(data?.name, data?.tag ?? null);
      const put = () => Promise.resolve({ tag: null });
      return { edited, saving: useSave({ edited, queryKey: ['it'], put, onSaved: () => undefined }) };
    },
    { wrapper: Page },
  );
  await waitFor(() => expect(result.current.edited.value).toBe('first'));
  act(() => result.current.edited.change(() => 'mine'));
  versions.length = 0;
  await act(() => expect(result.current.saving.load()).rejects.toThrow('busy'));
  expect(result.current.edited).toMatchObject({ value: 'mine', changed: true });
  versions.push({ tag: '"2"', name: 'theirs' });
  await act(() => result.current.saving.load());
  expect(result.current.edited).toMatchObject({ value: 'theirs', changed: false });
});
