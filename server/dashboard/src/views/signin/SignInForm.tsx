import { Alert, Button, Stack, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { ProblemError } from '@/api/problem';
import { session } from '@/api/session';
import { PasswordField } from '@/components/PasswordField';
import { Refusal } from '@/components/Refusal';

/** Name and password; the one-time code is asked for once the server wants one. */
export function SignInForm() {
  const { t } = useTranslation('signin');
  const isUntold = useSyncExternalStore(session.subscribe, session.untoldSignOut);
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [totp, setTotp] = useState('');
  const [asksCode, setAsksCode] = useState(false);
  const code = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (asksCode) code.current?.focus();
  }, [asksCode]);
  const signIn = useMutation({
    mutationFn: () => session.signIn(username, password, asksCode ? totp.replace(/\s/g, '') : undefined),
    onError: (error) => {
      if (!(error instanceof ProblemError) || error.about('totp') === undefined) return;
      setAsksCode(true);
      setTotp('');
      code.current?.focus();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  // That a code is needed is a question, not a fault.
  const asked = signIn.error instanceof ProblemError && signIn.error.about('totp') === 'totp is missing';
  return (
    <form onSubmit={submit}>
      <Stack>
        <Title order={2} size="h3">
          {t('title')}
        </Title>
        {isUntold && <Alert color="red">{t('untold')}</Alert>}
        {session.ended() && !signIn.error && <Alert color="yellow">{t('ended')}</Alert>}
        {!asked && <Refusal error={signIn.error} shown={['totp']} />}
        <TextInput
          label={t('username')}
          value={username}
          onChange={(event) => {
            setUsername(event.currentTarget.value);
            // Whether another needs a code is not known.
            setAsksCode(false);
          }}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
        <PasswordField
          label={t('password')}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
        />
        {asksCode && (
          <TextInput
            label={t('totp')}
            description={t('totpHint')}
            value={totp}
            onChange={(event) => setTotp(event.currentTarget.value)}
            autoComplete="one-time-code"
            inputMode="text"
            ref={code}
            required
          />
        )}
        <Button type="submit" loading={signIn.isPending}>
          {t('submit')}
        </Button>
      </Stack>
    </form>
  );
}
