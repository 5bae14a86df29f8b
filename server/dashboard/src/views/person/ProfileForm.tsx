import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ChangeEvent, type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { User } from '@/api/types';
import { useUnsaved } from '@/components/edits/unsaved';
import { Refusal } from '@/components/Refusal';
import { changesOf, editsSince, type Edits } from './profile';

/** Name and address of a user. */
export function ProfileForm({ user }: { user: User }) {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  // Only what is changed here: what somebody else changes meanwhile is shown, and not sent back as it was.
  const [edits, setEdits] = useState<Edits>({});
  const changed = Object.keys(changesOf(user, edits)).length > 0;
  useUnsaved(changed);
  const change = useMutation({
    mutationFn: (sent: Edits) =>
      data(
        api.PATCH('/api/users/{user_id}', {
          params: { path: { user_id: user.user_id } },
          body: changesOf(user, sent),
        }),
      ),
    onSuccess: async (_user, sent) => {
      await client.invalidateQueries({ queryKey: ['users'] });
      setEdits((now) => editsSince(sent, now));
    },
  });
  const problem = change.error instanceof ProblemError ? change.error : null;
  const edit = (field: keyof Edits) => (event: ChangeEvent<HTMLInputElement>) => {
    const { value } = event.currentTarget;
    setEdits((before) => ({ ...before, [field]: value }));
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate(edits);
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={420}>
        <Refusal error={change.error} shown={['email', 'full_name']} />
        <TextInput
          label={t('fullName')}
          maxLength={200}
          value={edits.full_name ?? user.full_name ?? ''}
          onChange={edit('full_name')}
          error={problem?.about('full_name')}
        />
        <TextInput
          label={t('email')}
          type="email"
          value={edits.email ?? user.email}
          onChange={edit('email')}
          error={problem?.about('email')}
          required
        />
        <Group>
          <Button type="submit" loading={change.isPending} disabled={!changed}>
            {t('save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
