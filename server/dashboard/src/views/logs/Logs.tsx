import { Anchor, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { api, page } from '@/api/client';
import { useZones } from '@/api/junctions';
import type { LogEntry } from '@/api/types';
import { Choice } from '@/components/list/Choice';
import { Coded } from '@/components/list/Coded';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { LEVELS, SeverityBadge } from '@/components/list/SeverityBadge';
import { SpanFields } from '@/components/list/SpanFields';
import { useFilters } from '@/components/list/useFilters';
import { PAGE, usePages } from '@/components/list/usePages';
import { PageTitle } from '@/components/PageTitle';
import { useRowTimes } from '@/components/list/useRowTimes';

/** What lines are about: the part of their type before the dot. */
const TYPES = ['device', 'counts', 'plan', 'override', 'schedule', 'alarm', 'server', 'retention'] as const;

/** What happened that an operator should see; new lines come by themselves. */
export function Logs() {
  const { t } = useTranslation('logs');
  const [filters, setFilter] = useFilters(['level', 'type', 'junction', 'from', 'to']);
  const level = LEVELS.find((known) => known === filters.level);
  const query = {
    limit: PAGE,
    ...(level ? { level } : {}),
    ...(filters.type ? { type: filters.type } : {}),
    ...(filters.junction ? { junction_id: filters.junction } : {}),
    ...(filters.from ? { from: filters.from } : {}),
    ...(filters.to ? { to: filters.to } : {}),
  };
  const logs = usePages(['logs', query], (cursor, signal) =>
    page(api.GET('/api/logs', { params: { query: { ...query, cursor } }, signal })),
  );
  const times = useRowTimes(logs.data);
  const zone = useZones().of(filters.junction);
  const columns: Column<LogEntry>[] = [
    { label: t('when', { ns: 'lists' }), nowrap: true, cell: (line) => times(line).line(line.logged_at) },
    { label: t('level'), nowrap: true, cell: (line) => <SeverityBadge severity={line.log_level} /> },
    { label: t('type'), nowrap: true, cell: (line) => <Coded code={line.log_type} words="logs:kinds" /> },
    {
      label: t('where'),
      cell: (line) =>
        (line.junction_id || line.device_id) && (
          <Stack gap={0} align="flex-start">
            {line.junction_id && (
              <Anchor component={Link} to={`/junctions/${line.junction_id}`} size="sm">
                {line.junction_name ?? line.junction_id.slice(0, 8)}
              </Anchor>
            )}
            {line.device_id && (
              <Anchor component={Link} to={`/devices/${line.device_id}`} size="xs">
                {t('device', { ns: 'lists' })}
              </Anchor>
            )}
          </Stack>
        ),
    },
    {
      label: t('what', { ns: 'lists' }),
      cell: (line) => (
        <Stack gap={0}>
          <Text size="sm" lang="en">
            {times(line).sentence(line.message)}
          </Text>
          {line.username && (
            <Text size="xs" c="dimmed">
              {line.username}
            </Text>
          )}
        </Stack>
      ),
    },
  ];
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <FilterRow>
        <Choice
          label={t('leastLevel')}
          value={filters.level}
          onChange={(value) => setFilter('level', value)}
          options={LEVELS.map((value) => ({ value, label: t(`severity.${value}`, { ns: 'lists' }) }))}
        />
        <Choice
          label={t('type')}
          value={filters.type}
          onChange={(value) => setFilter('type', value)}
          options={TYPES.map((value) => ({ value, label: t(`types.${value}`) }))}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
        <SpanFields filters={filters} onChange={setFilter} zone={zone} />
      </FilterRow>
      <Listing query={logs} label={t('title')} empty={t('none')} rowKey={(line) => line.log_id} columns={columns} />
    </Stack>
  );
}
