import { Button, Code, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';
import { QrCode } from './QrCode';

/** Password, QR code, first code: then the second factor counts. */
export function FactorSetUp({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t } = useTranslation('account');
  const [password, setPassword] = useState('');
  const [totp, setTotp] = useState('');
  const offer = useMutation({ mutationFn: () => data(api.POST('/api/users/me/totp', { body: { password } })) });
  const confirm = useMutation({
    mutationFn: () => data(api.POST('/api/users/me/totp/confirm', { body: { totp: totp.replace(/\s/g, '') } })),
    onSuccess: (answer) => onCodes(answer.recovery_codes),
  });
  const code = useRef<HTMLInputElement>(null);
  // The field of the password goes, and with it the place of who has typed there.
  useEffect(() => {
    if (offer.data) code.current?.focus();
  }, [offer.data]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (offer.data) confirm.mutate();
    else offer.mutate();
  };
  if (!offer.data) {
    const problem = offer.error instanceof ProblemError ? offer.error : null;
    return (
      <form onSubmit={submit}>
        <Stack>
          <Refusal error={offer.error} shown={['password']} />
          <PasswordField
            label={t('factor.confirmPassword')}
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={problem?.about('password')}
            data-autofocus
            required
          />
          <Button type="submit" loading={offer.isPending}>
            {t('factor.begin')}
          </Button>
        </Stack>
      </form>
    );
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t('factor.scan')}</Text>
        <QrCode text={offer.data.uri} label={t('factor.picture')} />
        <Text size="sm">
          {t('factor.secret', { secret: '' })}
          <Code data-testid="totp-secret">{offer.data.secret}</Code>
        </Text>
        <Refusal error={confirm.error} shown={['totp']} />
        <TextInput
          label={t('factor.code')}
          ref={code}
          autoComplete="one-time-code"
          inputMode="numeric"
          value={totp}
          onChange={(event) => setTotp(event.currentTarget.value)}
          error={confirm.error instanceof ProblemError && confirm.error.about('totp')}
          required
        />
        <Button type="submit" loading={confirm.isPending}>
          {t('factor.confirm')}
        </Button>
      </Stack>
    </form>
  );
}
