import { Button, Stack, Switch, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { Dialog } from '@/components/Dialog';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';

/** Registers a user, and goes on to what this one may see. */
export function CreateDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('people');
  return (
    <Dialog form opened={opened} onClose={onClose} title={t('add')}>
      <CreateForm />
    </Dialog>
  );
}

const EMPTY = { username: '', email: '', full_name: '', password: '' };

function CreateForm() {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  const navigate = useNavigate();
  const [values, setValues] = useState(EMPTY);
  const [isAdmin, setIsAdmin] = useState(false);
  const create = useMutation({
    mutationFn: () =>
      data(
        api.POST('/api/users/register', {
          body: { ...values, full_name: values.full_name || null, is_admin: isAdmin },
        }),
      ),
    onSuccess: (user) => {
      void client.invalidateQueries({ queryKey: ['users'] });
      void navigate(`/users/${user.user_id}`);
    },
  });
  const problem = create.error instanceof ProblemError ? create.error : null;
  const field = (name: keyof typeof EMPTY) => ({
    value: values[name],
    error: problem?.about(name),
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      const { value } = event.currentTarget;
      setValues((before) => ({ ...before, [name]: value }));
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Refusal error={create.error} shown={Object.keys(EMPTY)} />
        <TextInput label={t('username')} autoComplete="off" {...field('username')} data-autofocus required />
        <TextInput label={t('email')} type="email" autoComplete="off" {...field('email')} required />
        <TextInput label={t('fullName')} autoComplete="off" {...field('full_name')} />
        <PasswordField
          label={t('password')}
          description={t('passwordHint')}
          autoComplete="new-password"
          {...field('password')}
          required
        />
        <Switch
          label={t('makeAdmin')}
          description={t('adminHint')}
          checked={isAdmin}
          onChange={(event) => setIsAdmin(event.currentTarget.checked)}
        />
        <Button type="submit" loading={create.isPending}>
          {t('add')}
        </Button>
      </Stack>
    </form>
  );
}
