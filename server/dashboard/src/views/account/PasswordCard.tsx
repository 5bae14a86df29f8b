import { Alert, Button, Group, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';

const EMPTY = { current: '', next: '', repeat: '' };

/** Changes the own password. */
export function PasswordCard({ username }: { username: string }) {
  const { t } = useTranslation('account');
  const [values, setValues] = useState(EMPTY);
  const change = useMutation({
    mutationFn: () =>
      data(
        api.PUT('/api/users/me/password', { body: { current_password: values.current, new_password: values.next } }),
      ),
    onSuccess: () => setValues(EMPTY),
  });
  const differs = values.repeat !== '' && values.repeat !== values.next;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!differs) change.mutate();
  };
  const problem = change.error instanceof ProblemError ? change.error : null;
  const set = (name: keyof typeof EMPTY) => (event: { currentTarget: HTMLInputElement }) => {
    const { value } = event.currentTarget;
    setValues((before) => ({ ...before, [name]: value }));
  };
  return (
    <Section title={t('password.title')} text={t('password.hint')}>
      <form onSubmit={submit}>
        <Stack maw={420}>
          {change.isSuccess && <Alert color="green">{t('password.done')}</Alert>}
          <Refusal error={change.error} shown={['current_password', 'new_password']} />
          <input type="hidden" autoComplete="username" value={username} readOnly />
          <PasswordField
            label={t('password.current')}
            autoComplete="current-password"
            value={values.current}
            onChange={set('current')}
            error={problem?.about('current_password')}
            required
          />
          <PasswordField
            label={t('password.next')}
            autoComplete="new-password"
            minLength={12}
            value={values.next}
            onChange={set('next')}
            error={problem?.about('new_password')}
            required
          />
          <PasswordField
            label={t('password.repeat')}
            autoComplete="new-password"
            value={values.repeat}
            onChange={set('repeat')}
            error={differs && t('password.differs')}
            required
          />
          <Group>
            <Button type="submit" loading={change.isPending} disabled={differs}>
              {t('password.submit')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
