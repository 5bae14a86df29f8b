import { Button, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useDeferredValue, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { devicesOptions } from '@/api/devices';
import { useJunctionNames } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { Device } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Choice } from '@/components/list/Choice';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { SearchField } from '@/components/list/SearchField';
import { useFilters } from '@/components/list/useFilters';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { useNow } from '@/live/hooks';
import { DeviceRows } from './DeviceRows';
import { EnrolDialog } from './EnrolDialog';
import { chosen, STATES, TROUBLED } from './status';
import { UnknownSenders } from './UnknownSenders';

/** Statuses come every 30 s, and at once on a change, milliseconds. */
const AGAIN_MS = 15_000;

/** All devices with their state, and who sends without being one. */
export function Devices() {
  const { t } = useTranslation('devices');
  const me = useMe();
  const [filters, setFilter] = useFilters(['search', 'state', 'junction']);
  const [adding, setAdding] = useState<{ deviceId?: string; junctionId?: string | null } | null>(null);
  const isAdmin = me.data?.is_admin ?? false;
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>{t('title')}</PageTitle>
        {isAdmin && (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding({})}>
            {t('add')}
          </Button>
        )}
      </Group>
      <FilterRow>
        <SearchField label={t('search')} value={filters.search} onChange={(text) => setFilter('search', text)} />
        <Choice
          label={t('stateLabel')}
          value={filters.state}
          onChange={(value) => setFilter('state', value)}
          options={[
            { value: TROUBLED, label: t('trouble') },
            ...STATES.map((state) => ({ value: state, label: t(`state.${state}`) })),
          ]}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
      </FilterRow>
      <List {...filters} />
      {isAdmin && (
        <Section title={t('unknown.title')} text={t('unknown.text')}>
          <UnknownSenders onAdopt={(deviceId, junctionId) => setAdding({ deviceId, junctionId })} />
        </Section>
      )}
      <EnrolDialog opened={adding !== null} onClose={() => setAdding(null)} {...adding} />
    </Stack>
  );
}

/** None are drawn at first, in the same way as more are later. */
const NONE: readonly Device[] = [];

type Filters = Record<'search' | 'state' | 'junction', string | null>;

/** The list is fetched where it is drawn: what comes draws the filters, with an entry for each junction, not anew. */
function List(filters: Filters) {
  const devices = useQuery({ ...devicesOptions, refetchInterval: AGAIN_MS });
  return (
    <Fetched query={devices} height={240}>
      {(rows) => <Chosen rows={rows} {...filters} />}
    </Fetched>
  );
}

/** Those that match the filters; that time passes draws nothing around them anew. */
function Chosen({ rows, search, state, junction }: Filters & { rows: readonly Device[] }) {
  const { t } = useTranslation('devices');
  const now = useNow(5000);
  const junctionName = useJunctionNames();
  const shown = useMemo(
    () => chosen(rows, { search: search ?? '', state, junction }, junctionName, now),
    [rows, search, state, junction, junctionName, now],
  );
  // In pieces: what many devices have told meanwhile is no task that holds up who types or scrolls.
  const drawn = useDeferredValue(shown, NONE);
  if (rows.length === 0) return <Text c="dimmed">{t('none')}</Text>;
  if (shown.length === 0) return <Text c="dimmed">{t('noMatch')}</Text>;
  return <DeviceRows devices={drawn} />;
}
