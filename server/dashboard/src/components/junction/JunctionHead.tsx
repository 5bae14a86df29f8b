import { Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Layout } from '@/api/types';
import { BackLink } from '@/components/BackLink';
import { PageTitle } from '@/components/PageTitle';

export type JunctionPage = 'live' | 'schedule' | 'layout' | 'settings' | 'analysis';

/** Where the pages of a junction are. */
export const junctionPath = (id: string, page: JunctionPage): string =>
  page === 'analysis' ? `/analysis?junction=${id}` : `/junctions/${id}${page === 'live' ? '' : `/${page}`}`;

const PAGES: readonly JunctionPage[] = ['live', 'schedule', 'layout', 'settings', 'analysis'];

/** Leads to the pages of a junction. */
export function JunctionLinks({ id, here }: { id: string; here: JunctionPage }) {
  const { t } = useTranslation('junctions');
  return (
    <Group component="nav" gap={6} aria-label={t('pages')}>
      {PAGES.map((page) => (
        <Button
          key={page}
          component={Link}
          to={junctionPath(id, page)}
          size="compact-md"
          variant={page === here ? 'light' : 'subtle'}
          aria-current={page === here ? 'page' : undefined}
        >
          {t(`page.${page}`)}
        </Button>
      ))}
    </Group>
  );
}

/** Head of the pages that set up a junction. */
export function JunctionHead({ layout, here }: { layout: Layout; here: JunctionPage }) {
  const { t } = useTranslation('junctions');
  return (
    <Stack gap={4}>
      <BackLink to="/junctions" text={t('title')} />
      <Group gap="sm" align="baseline">
        <PageTitle>{`${layout.junction_name}: ${t(`page.${here}`)}`}</PageTitle>
        <Text size="sm" c="dimmed">
          {layout.city}
        </Text>
      </Group>
      <JunctionLinks id={layout.junction_id} here={here} />
    </Stack>
  );
}
