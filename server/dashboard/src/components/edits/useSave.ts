import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Tag } from '@/api/client';
import type { Edited } from './useEdited';

type Header = Edited<unknown>['header'];

interface Options<T, A extends Tag> {
  edited: Edited<T>;
  /** What was fetched, as the queries know it. */
  queryKey: readonly unknown[];
  put: (value: T, header: Header) => Promise<A>;
  onSaved: () => void;
}

/** Saves what is changed as long as nobody else has saved since; where somebody has, theirs is loaded or mine put in its place. */
export function useSave<T, A extends Tag>({ edited, queryKey, put, onSaved }: Options<T, A>) {
  const client = useQueryClient();
  const { mutate, mutateAsync, reset, error, isPending } = useMutation({
    mutationFn: async (header: Header) => {
      const { value } = edited;
      return { value, now: await put(value, header) };
    },
    onSuccess: async ({ value, now }) => {
      // What is being fetched was asked for before: it would show what was there until now.
      await client.cancelQueries({ queryKey, exact: true });
      client.setQueryData(queryKey, now);
      edited.saved(value, now.tag);
      onSaved();
    },
  });
  const discard = () => {
    edited.forget();
    reset();
  };
  return {
    error,
    isPending,
    discard,
    save: () => mutate(edited.header),
    /** Gives up what is changed here, once what the other has saved is there to take its place. */
    load: async () => {
      await client.refetchQueries({ queryKey, exact: true }, { throwOnError: true });
      discard();
    },
    /** Replaces what is there now, and nothing that comes meanwhile. */
    overwrite: async () => {
      await client.refetchQueries({ queryKey, exact: true }, { throwOnError: true });
      const tag = client.getQueryData<Tag>(queryKey)?.tag;
      await mutateAsync(tag ? { 'If-Match': tag } : edited.header);
    },
  };
}
