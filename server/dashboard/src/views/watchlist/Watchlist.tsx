import { Badge, Button, Group, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import { api, data, page } from '@/api/client';
import { useJunctionNames } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { WatchlistEntry } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { SearchField } from '@/components/list/SearchField';
import { useFilters } from '@/components/list/useFilters';
import { PAGE, usePages } from '@/components/list/usePages';
import { tellDone } from '@/components/notify';
import { PageTitle } from '@/components/PageTitle';
import { useRowTimes } from '@/components/list/useRowTimes';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useNow } from '@/live/hooks';
import { WatchDialog } from './WatchDialog';

/** Who types a name is asked for once he pauses, milliseconds. */
const SEARCH_AFTER_MS = 300;

/** The vehicles that junctions look out for. */
export function Watchlist() {
  const { t } = useTranslation('watchlist');
  const client = useQueryClient();
  const me = useMe();
  const now = useNow(60_000);
  const junctionName = useJunctionNames();
  const [filters, setFilter] = useFilters(['junction', 'search']);
  const [search] = useDebouncedValue((filters.search ?? '').trim(), SEARCH_AFTER_MS);
  const kept = useKeptFocus<HTMLDivElement>();
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const isAdmin = me.data?.is_admin ?? false;
  const query = {
    limit: PAGE,
    ...(filters.junction ? { junction_id: filters.junction } : {}),
    ...(search ? { search } : {}),
  };
  const entries = usePages(['watchlist', query], (cursor, signal) =>
    page(api.GET('/api/watchlist', { params: { query: { ...query, cursor } }, signal })),
  );
  const again = () => void client.invalidateQueries({ queryKey: ['watchlist'] });
  const nameOf = (entry: WatchlistEntry) => entry.label ?? t(`class.${entry.class as 'transit'}`);
  const end = (entry: WatchlistEntry) => {
    setAsked({
      title: t('end'),
      text: t('sure', { name: nameOf(entry), junction: junctionName(entry.junction_id) }),
      action: t('end'),
      run: () => data(api.DELETE('/api/watchlist/{entry_id}', { params: { path: { entry_id: entry.entry_id } } })),
      onDone: again,
    });
  };
  const endEverywhere = (label: string, entry: WatchlistEntry) => {
    const of = { label, class: entry.class };
    setAsked({
      title: t('endAll'),
      text: t('sureAll', { name: label, class: t(`class.${entry.class as 'transit'}`) }),
      action: t('endAll'),
      run: async () => {
        const gone = await data(api.DELETE('/api/watchlist', { params: { query: of } }));
        tellDone(t('endedAll', { name: label, count: gone.length }));
      },
      onDone: again,
    });
  };
  const times = useRowTimes(entries.data);
  const columns: Column<WatchlistEntry>[] = [
    {
      label: t('vehicle'),
      cell: (entry) => (
        <Text size="sm" fw={600}>
          {nameOf(entry)}
        </Text>
      ),
    },
    {
      label: t('classLabel'),
      nowrap: true,
      cell: (entry) => (
        <Badge color={entry.class === 'emergency' ? 'red' : 'blue'} variant="outline" miw="max-content">
          {t(`class.${entry.class as 'transit'}`)}
        </Badge>
      ),
    },
    { label: t('junction', { ns: 'lists' }), cell: (entry) => junctionName(entry.junction_id) },
    {
      label: t('until'),
      nowrap: true,
      cell: (entry) => {
        if (!entry.valid_until) return null;
        const until = times(entry).fullTime(entry.valid_until);
        const over = clock.here(entry.valid_until) <= now;
        return (
          <Text size="sm" c={over ? 'dimmed' : undefined}>
            {over ? t('over', { at: until }) : until}
          </Text>
        );
      },
    },
    { label: t('since'), nowrap: true, cell: (entry) => times(entry).fullTime(entry.created_at) },
  ];
  const act: Column<WatchlistEntry> = {
    label: t('end'),
    act: true,
    cell: (entry) => (
      <Group gap={4}>
        <Button
          size="compact-sm"
          variant="light"
          color="red"
          onClick={() => end(entry)}
          aria-label={t('endOne', { name: nameOf(entry), junction: junctionName(entry.junction_id) })}
        >
          {t('end')}
        </Button>
        {/* By its name alone it is known at more than one junction: which vehicle it is, nobody keeps. */}
        {entry.label && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="red"
            onClick={() => endEverywhere(entry.label ?? '', entry)}
            aria-label={t('endAllOf', { name: entry.label })}
          >
            {t('endAll')}
          </Button>
        )}
      </Group>
    ),
  };
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>{t('title')}</PageTitle>
        {isAdmin && (
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
            {t('add')}
          </Button>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        {t('text')}
      </Text>
      <FilterRow>
        <SearchField
          label={t('search')}
          maxLength={200}
          value={filters.search}
          onChange={(text) => setFilter('search', text)}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
      </FilterRow>
      <Stack {...kept}>
        <Listing
          query={entries}
          label={t('title')}
          empty={t(search ? 'noMatch' : 'none')}
          rowKey={(entry) => entry.entry_id}
          columns={isAdmin ? [...columns, act] : columns}
        />
      </Stack>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
      <WatchDialog opened={adding} onClose={() => setAdding(false)} onDone={again} />
    </Stack>
  );
}
