import { Alert, Anchor, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useJunctions } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { Junction } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { Fetched } from '@/components/Fetched';
import { junctionPath } from '@/components/junction/JunctionHead';
import { type Column, Rows } from '@/components/list/Rows';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { CityFile } from './CityFile';
import { NewJunction } from './NewJunction';

/** All junctions, and where each is set up. */
export function Junctions() {
  const { t } = useTranslation('junctions');
  const junctions = useJunctions();
  const admin = useMe().data?.is_admin ?? false;
  const [adding, setAdding] = useState(false);
  const [wanted, setWanted] = useState('');
  const matches = ({ junction_name, city }: Junction) =>
    `${junction_name} ${city}`.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase());
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>{t('title')}</PageTitle>
        {admin && (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
            {t('new')}
          </Button>
        )}
      </Group>
      <Fetched query={junctions} height={300}>
        {(list) =>
          list.length === 0 ? (
            <Alert>{admin ? t('noneYet') : t('noneForYou')}</Alert>
          ) : (
            <>
              <TextInput
                label={t('search')}
                value={wanted}
                onChange={(event) => setWanted(event.currentTarget.value)}
                maw={360}
              />
              <JunctionTable junctions={list.filter(matches)} />
            </>
          )
        }
      </Fetched>
      {admin && (
        <Section title={t('file.title')} text={t('file.text')}>
          <CityFile known={junctions.data} />
        </Section>
      )}
      <Dialog form opened={adding} onClose={() => setAdding(false)} title={t('new')} size="lg">
        <NewJunction />
      </Dialog>
    </Stack>
  );
}

function JunctionTable({ junctions }: { junctions: Junction[] }) {
  const { t } = useTranslation('junctions');
  const format = useFormat();
  if (junctions.length === 0) return <Text size="sm">{t('noMatch')}</Text>;
  const pages = ['schedule', 'layout', 'settings', 'analysis'] as const;
  const columns: Column<Junction>[] = [
    {
      label: t('name'),
      cell: (junction) => (
        <Anchor component={Link} to={junctionPath(junction.junction_id, 'live')} size="sm" fw={600}>
          {junction.junction_name}
        </Anchor>
      ),
    },
    { label: t('city'), cell: (junction) => junction.city },
    {
      label: t('cycleTimes'),
      nowrap: true,
      cell: (junction) => `${format.number(junction.min_cycle_time)}–${format.number(junction.max_cycle_time)}`,
    },
    {
      label: t('pages'),
      cell: (junction) => (
        <Group gap="4px 16px">
          {pages.map((page) => (
            <Anchor
              key={page}
              component={Link}
              to={junctionPath(junction.junction_id, page)}
              size="sm"
              aria-label={`${t(`page.${page}`)}: ${junction.junction_name}`}
            >
              {t(`page.${page}`)}
            </Anchor>
          ))}
        </Group>
      ),
    },
  ];
  return <Rows label={t('title')} rows={junctions} rowKey={(junction) => junction.junction_id} columns={columns} />;
}
