import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { User } from '@/api/types';
import { Refusal } from '@/components/Refusal';

/** Name and address of a user. */
export function ProfileForm({ user }: { user: User }) {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  const [email, setEmail] = useState(user.email);
  const [fullName, setFullName] = useState(user.full_name ?? '');
  const change = useMutation({
    mutationFn: () =>
      data(
        api.PATCH('/api/users/{user_id}', {
          params: { path: { user_id: user.user_id } },
          body: { email, full_name: fullName || null },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ['users'] }),
  });
  const problem = change.error instanceof ProblemError ? change.error : null;
  const same = email === user.email && fullName === (user.full_name ?? '');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={420}>
        <Refusal error={change.error} shown={['email', 'full_name']} />
        <TextInput
          label={t('fullName')}
          maxLength={200}
          value={fullName}
          onChange={(event) => setFullName(event.currentTarget.value)}
          error={problem?.about('full_name')}
        />
        <TextInput
          label={t('email')}
          type="email"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={problem?.about('email')}
          required
        />
        <Group>
          <Button type="submit" loading={change.isPending} disabled={same}>
            {t('save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
