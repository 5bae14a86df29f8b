import { Button, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { session } from '@/api/session';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';

const FIELDS = ['token', 'username', 'full_name', 'email', 'password'] as const;
type Field = (typeof FIELDS)[number];

/** Registers the first administrator and signs in. */
export function FirstUserForm({ needsToken }: { needsToken: boolean }) {
  const { t } = useTranslation('signin');
  const client = useQueryClient();
  const [values, setValues] = useState<Record<Field, string>>({
    token: '',
    username: '',
    full_name: '',
    email: '',
    password: '',
  });
  const register = useMutation({
    mutationFn: async () => {
      const { token, username, full_name, email, password } = values;
      const body = { username, email, password, full_name: full_name || null, is_admin: true };
      const header = needsToken ? { 'X-Setup-Token': token } : {};
      await data(api.POST('/api/users/register', { body, params: { header } }));
      await client.invalidateQueries({ queryKey: ['start'] });
      await session.signIn(username, password);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    register.mutate();
  };
  const fault = (field: Field) => (register.error instanceof ProblemError ? register.error.about(field) : undefined);
  const bound = (field: Field) => ({
    value: values[field],
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      const { value } = event.currentTarget;
      setValues((before) => ({ ...before, [field]: value }));
    },
    error: fault(field),
  });
  return (
    <form onSubmit={submit}>
      <Stack>
        <Title order={2} size="h3">
          {t('setup.title')}
        </Title>
        <Text size="sm">{t('setup.text')}</Text>
        <Refusal error={register.error} shown={FIELDS} />
        {needsToken && (
          <TextInput label={t('setup.token')} description={t('setup.tokenHint')} required {...bound('token')} />
        )}
        <TextInput
          label={t('username')}
          autoComplete="username"
          autoCapitalize="none"
          required
          {...bound('username')}
        />
        <TextInput label={t('setup.fullName')} autoComplete="name" {...bound('full_name')} />
        <TextInput label={t('setup.email')} type="email" autoComplete="email" required {...bound('email')} />
        <PasswordField
          label={t('password')}
          description={t('setup.passwordHint')}
          autoComplete="new-password"
          minLength={12}
          required
          {...bound('password')}
        />
        <Button type="submit" loading={register.isPending}>
          {t('setup.submit')}
        </Button>
      </Stack>
    </form>
  );
}
