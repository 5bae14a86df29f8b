import { Alert, Center, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { startOptions } from '@/api/start';
import { useTabTitle } from '@/components/PageTitle';
import { Refusal } from '@/components/Refusal';
import { FirstUserForm } from './FirstUserForm';
import { LanguageLinks } from './LanguageLinks';
import classes from './SignIn.module.css';
import { SignInForm } from './SignInForm';

/** The way in; on a server where nobody is registered yet, the first registration. */
export function SignIn() {
  const { t } = useTranslation('signin');
  useTabTitle(t('title'));
  const start = useQuery(startOptions);
  return (
    <Around note={!start.data && <Refusal error={start.error} retry={() => void start.refetch()} />}>
      <Skeleton visible={start.isPending}>
        {start.data && start.data.first_user !== 'registered' ? (
          <FirstUserForm needsToken={start.data.first_user === 'needs_token'} />
        ) : (
          <SignInForm />
        )}
      </Skeleton>
    </Around>
  );
}

/**
 * The way back in for who has something unsaved, above the views that have it. To the browser it is modal: nothing below it can be read, heard or
 * reached, whatever dialogs and notices are open there.
 */
export function SignInAgain() {
  const { t } = useTranslation('signin');
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // The focus goes back to where it was.
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={classes.above}
      aria-label={t('title')}
      onCancel={(event) => event.preventDefault()}
      // A browser closes it all the same for who presses Escape twice.
      onClose={({ currentTarget }) => currentTarget.isConnected && !currentTarget.open && currentTarget.showModal()}
    >
      <Around
        above
        note={
          <Alert color="yellow" title={t('unsaved.title')}>
            {t('unsaved.text')}
          </Alert>
        }
      >
        <SignInForm />
      </Around>
    </dialog>
  );
}

/** The name of the program above a form, and the languages below it. */
function Around({ above = false, note, children }: { above?: boolean; note: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Center component={above ? 'div' : 'main'} mih="100dvh" p="md">
      <Stack w="100%" maw={400} gap="lg">
        <Stack align="center" gap={4}>
          <img src="/app/icon.svg" width={56} height={56} alt="" />
          <Title order={1}>{t('appName')}</Title>
          <Text c="dimmed">{t('tagline')}</Text>
        </Stack>
        {note}
        <Paper withBorder p="lg" shadow="sm">
          {children}
        </Paper>
        <LanguageLinks />
      </Stack>
    </Center>
  );
}
