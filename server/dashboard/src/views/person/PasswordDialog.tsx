import { Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { User } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { PasswordField } from '@/components/PasswordField';
import { tellDone } from '@/components/notify';
import { Refusal } from '@/components/Refusal';

interface Props {
  user: User;
  opened: boolean;
  onClose: () => void;
}

/** Gives a user another password. */
export function PasswordDialog({ user, opened, onClose }: Props) {
  const { t } = useTranslation('people');
  return (
    <Dialog form opened={opened} onClose={onClose} title={t('deed.password')}>
      <PasswordForm user={user} onDone={onClose} />
    </Dialog>
  );
}

function PasswordForm({ user, onDone }: { user: User; onDone: () => void }) {
  const { t } = useTranslation('people');
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: () =>
      data(api.PATCH('/api/users/{user_id}', { params: { path: { user_id: user.user_id } }, body: { password } })),
    onSuccess: () => {
      tellDone(t('done.password', { name: user.username }));
      onDone();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t('sure.password', { name: user.username })}</Text>
        <Refusal error={change.error} shown={['password']} />
        <PasswordField
          label={t('newPassword')}
          description={t('passwordHint')}
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={change.error instanceof ProblemError && change.error.about('password')}
          data-autofocus
          required
        />
        <Button type="submit" loading={change.isPending}>
          {t('deed.password')}
        </Button>
      </Stack>
    </form>
  );
}
