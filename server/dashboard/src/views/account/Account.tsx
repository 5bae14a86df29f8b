import { Badge, Container, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useMe } from '@/api/me';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';
import { PasswordCard } from './PasswordCard';
import { SecondFactorCard } from './SecondFactorCard';
import { SessionsCard } from './SessionsCard';

/** The own account: password, second factor, sessions. */
export function Account() {
  const { t } = useTranslation('account');
  const me = useMe();
  return (
    <Container size="md" px={0} mx={0}>
      <Stack>
        <Group justify="space-between">
          <PageTitle>{t('title')}</PageTitle>
          {me.data?.is_admin && <Badge>{t('administrator')}</Badge>}
        </Group>
        <Fetched query={me}>
          {(user) => (
            <>
              <Text>
                {t('signedInAs', { name: user.full_name ? `${user.full_name} (${user.username})` : user.username })}
              </Text>
              <SecondFactorCard enabled={user.totp_enabled} />
              <PasswordCard username={user.username} />
              <SessionsCard />
            </>
          )}
        </Fetched>
      </Stack>
    </Container>
  );
}
