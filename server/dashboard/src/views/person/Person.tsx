import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { userOptions } from '@/api/users';
import { BackLink } from '@/components/BackLink';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { useCityFormat } from '@/components/list/useRowTimes';
import { AccessCard } from './AccessCard';
import { DeedsCard } from './DeedsCard';
import { ProfileForm } from './ProfileForm';

/** Somebody who may sign in, as administrators see and change it. */
export function Person() {
  const { t } = useTranslation('people');
  const format = useCityFormat();
  const { userId = '' } = useParams();
  const user = useQuery(userOptions(userId));
  return (
    <Stack>
      <BackLink to="/users" text={t('title')} />
      <Fetched whole query={user} height={320}>
        {(found) => (
          <>
            <Group justify="space-between">
              <Stack gap={0}>
                <PageTitle>{found.full_name ?? found.username}</PageTitle>
                <Text size="sm" c="dimmed">
                  {found.username} · {t('createdAt', { at: format.fullTime(found.created_at) })} ·{' '}
                  {found.last_login ? t('signedInAt', { at: format.fullTime(found.last_login) }) : t('neverSignedIn')}
                </Text>
              </Stack>
              <Group gap={4}>
                {found.is_admin && <Badge variant="outline">{t('admin')}</Badge>}
                {found.totp_enabled && (
                  <Badge variant="outline" color="green">
                    {t('factor')}
                  </Badge>
                )}
                {!found.is_active && (
                  <Badge variant="filled" color="gray">
                    {t('disabled')}
                  </Badge>
                )}
              </Group>
            </Group>
            <Section title={t('access')} text={found.is_admin ? undefined : t('accessText')}>
              {found.is_admin ? (
                <Text size="sm">{t('adminAccess')}</Text>
              ) : (
                <AccessCard userId={found.user_id} username={found.username} />
              )}
            </Section>
            <Section title={t('profile')}>
              <ProfileForm key={found.user_id} user={found} />
            </Section>
            <DeedsCard user={found} />
          </>
        )}
      </Fetched>
    </Stack>
  );
}
