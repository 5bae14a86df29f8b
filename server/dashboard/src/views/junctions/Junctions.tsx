import { Alert, Anchor, Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
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
          <CityFile known={junctions.data ?? []} />
        </Section>
      )}
      <Dialog opened={adding} onClose={() => setAdding(false)} title={t('new')}>
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
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('name')}</Table.Th>
            <Table.Th>{t('city')}</Table.Th>
            <Table.Th>{t('cycleTimes')}</Table.Th>
            <Table.Th>{t('pages')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {junctions.map(({ junction_id: id, ...junction }) => (
            <Table.Tr key={id}>
              <Table.Td>
                <Anchor component={Link} to={junctionPath(id, 'live')}>
                  {junction.junction_name}
                </Anchor>
              </Table.Td>
              <Table.Td>{junction.city}</Table.Td>
              <Table.Td>
                {format.number(junction.min_cycle_time)}–{format.number(junction.max_cycle_time)}
              </Table.Td>
              <Table.Td>
                <Group gap="md">
                  {pages.map((page) => (
                    <Anchor
                      key={page}
                      component={Link}
                      to={junctionPath(id, page)}
                      size="sm"
                      aria-label={`${t(`page.${page}`)}: ${junction.junction_name}`}
                    >
                      {t(`page.${page}`)}
                    </Anchor>
                  ))}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
