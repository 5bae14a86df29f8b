import { Center, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { startOptions } from '@/api/start';
import { Refusal } from '@/components/Refusal';
import { FirstUserForm } from './FirstUserForm';
import { LanguageLinks } from './LanguageLinks';
import { SignInForm } from './SignInForm';

/** The way in; on a server where nobody is registered yet, the first registration. */
export function SignIn() {
  const { t } = useTranslation();
  const start = useQuery(startOptions);
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w="100%" maw={400} gap="lg">
        <Stack align="center" gap={4}>
          <img src="/app/icon.svg" width={56} height={56} alt="" />
          <Title order={1}>{t('appName')}</Title>
          <Text c="dimmed">{t('tagline')}</Text>
        </Stack>
        {!start.data && <Refusal error={start.error} retry={() => void start.refetch()} />}
        <Paper withBorder p="lg" shadow="sm">
          <Skeleton visible={start.isPending}>
            {start.data && start.data.first_user !== 'registered' ? (
              <FirstUserForm needsToken={start.data.first_user === 'needs_token'} />
            ) : (
              <SignInForm />
            )}
          </Skeleton>
        </Paper>
        <LanguageLinks />
      </Stack>
    </Center>
  );
}
