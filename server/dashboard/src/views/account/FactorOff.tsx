import { Button, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';

type Props = { action: 'disable'; onDone: () => void } | { action: 'renew'; onDone: (codes: string[]) => void };

/** Asks for password and code, then switches the second factor off or makes new recovery codes. */
export function FactorOff(props: Props) {
  const { t } = useTranslation('account');
  const [password, setPassword] = useState('');
  const [totp, setTotp] = useState('');
  const act = useMutation({
    mutationFn: async () => {
      const body = { password, totp: totp.trim() };
      if (props.action === 'disable') {
        await data(api.POST('/api/users/me/totp/disable', { body }));
        props.onDone();
      } else {
        props.onDone((await data(api.POST('/api/users/me/totp/recovery-codes', { body }))).recovery_codes);
      }
    },
  });
  const problem = act.error instanceof ProblemError ? act.error : null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    act.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Refusal error={act.error} shown={['password', 'totp']} />
        <PasswordField
          label={t('factor.confirmPassword')}
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={problem?.about('password')}
          data-autofocus
          required
        />
        <TextInput
          label={t('factor.codeOrRecovery')}
          autoComplete="one-time-code"
          value={totp}
          onChange={(event) => setTotp(event.currentTarget.value)}
          error={problem?.about('totp')}
          required
        />
        <Button type="submit" color={props.action === 'disable' ? 'red' : undefined} loading={act.isPending}>
          {t(`factor.${props.action}`)}
        </Button>
      </Stack>
    </form>
  );
}
