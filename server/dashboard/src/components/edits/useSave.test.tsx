import { useQuery, useQueryClient } from '@tanstack/react-query';
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

it('what is changed while it is saved stays, as a change of what was saved', async () => {
  const sent: unknown[] = [];
  let answer: (now: { tag: string; name: string }) => void = () => undefined;
  const { result } = renderHook(
    () => {
      const { data } = useQuery({ queryKey: ['it'], queryFn: () => ({ tag: '"1"', name: 'first' }) });
      const edited = useEdited(data?.name ?? '', data?.tag ?? null);
      const put = (name: string, header: object) => {
        sent.push([name, header]);
        return new Promise<{ tag: string; name: string }>((resolve) => (answer = resolve));
      };
      return { edited, saving: useSave({ edited, queryKey: ['it'], put, onSaved: () => undefined }) };
    },
    { wrapper: Page },
  );
  await waitFor(() => expect(result.current.edited.value).toBe('first'));
  act(() => result.current.edited.change(() => 'second'));
  act(() => result.current.saving.save());
  await waitFor(() => expect(sent).toHaveLength(1));
  act(() => result.current.edited.change((before) => `${before} and third`));
  act(() => answer({ tag: '"2"', name: 'second' }));
  await waitFor(() => expect(result.current.saving.isPending).toBe(false));
  expect(result.current.edited).toMatchObject({ value: 'second and third', changed: true, outdated: false });
  act(() => result.current.saving.save());
  await waitFor(() => expect(sent[1]).toEqual(['second and third', { 'If-Match': '"2"' }]));
  act(() => answer({ tag: '"3"', name: 'second and third' }));
  await waitFor(() => expect(result.current.edited).toMatchObject({ value: 'second and third', changed: false }));
});

it('what was saved is not undone by an answer that was asked for before', async () => {
  const answers: ((now: { tag: string; name: string }) => void)[] = [];
  const { result } = renderHook(
    () => {
      const { data, fetchStatus } = useQuery({
        queryKey: ['it'],
        queryFn: () => new Promise<{ tag: string; name: string }>((resolve) => answers.push(resolve)),
      });
      const edited = useEdited(data?.name ?? '', data?.tag ?? null);
      const put = (name: string) => Promise.resolve({ tag: '"2"', name });
      const saving = useSave({ edited, queryKey: ['it'], put, onSaved: () => undefined });
      return { edited, saving, data, fetchStatus, client: useQueryClient() };
    },
    { wrapper: Page },
  );
  await waitFor(() => expect(answers).toHaveLength(1));
  act(() => answers[0]?.({ tag: '"1"', name: 'first' }));
  await waitFor(() => expect(result.current.edited.value).toBe('first'));
  act(() => result.current.edited.change(() => 'second'));
  act(() => void result.current.client.invalidateQueries({ queryKey: ['it'] }));
  await waitFor(() => expect(answers).toHaveLength(2));
  act(() => result.current.saving.save());
  await waitFor(() => expect(result.current.edited.changed).toBe(false));
  act(() => answers[1]?.({ tag: '"1"', name: 'first' }));
  await waitFor(() => expect(result.current.fetchStatus).toBe('idle'));
  expect(result.current.data).toEqual({ tag: '"2"', name: 'second' });
});
