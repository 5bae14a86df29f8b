import { Anchor, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { api, page } from '@/api/client';
import { useMe } from '@/api/me';
import type { Alarm } from '@/api/types';
import { Choice } from '@/components/list/Choice';
import { FilterRow } from '@/components/list/FilterRow';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { SeverityBadge } from '@/components/list/SeverityBadge';
import { useFilters } from '@/components/list/useFilters';
import { PAGE, usePages } from '@/components/list/usePages';
import { PageTitle } from '@/components/PageTitle';
import { useRowTimes } from '@/components/list/useRowTimes';
import { AlarmText } from '@/components/alarms/AlarmText';
import { Acknowledge } from '@/components/alarms/Acknowledge';
import { isKind, KINDS } from '@/components/alarms/kinds';
import { SEVERITIES } from '@/components/alarms/severity';
import { Told } from './Told';

const STATES = ['open', 'unnoticed', 'over', 'all'] as const;
/** What the server is asked for each. */
const ASKED: Record<(typeof STATES)[number], { open?: boolean; acknowledged?: boolean }> = {
  open: { open: true },
  unnoticed: { open: true, acknowledged: false },
  over: { open: false },
  all: {},
};

/** What a person should look into, and what it was that is over. */
export function Alarms() {
  const { t } = useTranslation('alarms');
  const me = useMe();
  const [filters, setFilter] = useFilters(['state', 'kind', 'severity', 'junction']);
  const state = STATES.find((known) => known === filters.state) ?? 'open';
  const isOpen = ASKED[state].open === true;
  const severity = SEVERITIES.find((known) => known === filters.severity);
  const query = {
    limit: PAGE,
    ...ASKED[state],
    ...(isKind(filters.kind) ? { kind: filters.kind } : {}),
    ...(severity ? { severity } : {}),
    ...(filters.junction ? { junction_id: filters.junction } : {}),
  };
  const alarms = usePages(['alarms', 'list', query], (cursor, signal) =>
    page(api.GET('/api/alarms', { params: { query: { ...query, cursor } }, signal })),
  );
  const times = useRowTimes(alarms.data);
  const columns: Column<Alarm>[] = [
    { label: t('severity'), nowrap: true, cell: (alarm) => <SeverityBadge severity={alarm.severity} /> },
    { label: t('since'), nowrap: true, cell: (alarm) => times(alarm).dateTime(alarm.opened_at) },
    {
      label: t('where'),
      cell: (alarm) =>
        alarm.junction_id && (
          <Stack gap={0} align="flex-start">
            <Anchor component={Link} to={`/junctions/${alarm.junction_id}`} size="sm">
              {alarm.junction_name}
            </Anchor>
            {alarm.device_id && (
              <Anchor component={Link} to={`/devices/${alarm.device_id}`} size="xs">
                {t('device')}
              </Anchor>
            )}
          </Stack>
        ),
    },
    {
      label: t('what'),
      cell: (alarm) => (
        <Stack gap={0}>
          <Text size="sm" fw={600}>
            {isKind(alarm.kind) ? t(`kind.${alarm.kind}`) : alarm.kind}
          </Text>
          <AlarmText alarm={alarm} format={times(alarm)} />
        </Stack>
      ),
    },
    {
      label: t('ended'),
      nowrap: true,
      cell: (alarm) => (alarm.closed_at ? times(alarm).dateTime(alarm.closed_at) : isOpen ? null : t('open')),
    },
    { label: t('notice'), cell: (alarm) => <Acknowledge alarm={alarm} format={times(alarm)} /> },
  ];
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <FilterRow>
        <Choice
          label={t('stateLabel')}
          value={state}
          onChange={(value) => setFilter('state', value === 'open' ? null : (value ?? 'all'))}
          options={STATES.map((value) => ({ value, label: t(`state.${value}`) }))}
        />
        <Choice
          label={t('kindLabel')}
          value={filters.kind}
          onChange={(value) => setFilter('kind', value)}
          options={KINDS.map((kind) => ({ value: kind, label: t(`kind.${kind}`) }))}
        />
        <Choice
          label={t('leastSeverity')}
          value={filters.severity}
          onChange={(value) => setFilter('severity', value)}
          options={SEVERITIES.map((value) => ({ value, label: t(`severity.${value}`, { ns: 'lists' }) }))}
        />
        <JunctionSelect value={filters.junction} onChange={(value) => setFilter('junction', value)} />
      </FilterRow>
      <Listing
        held
        query={alarms}
        label={t('title')}
        empty={state === 'open' && !severity ? t('noneOpen') : t('none')}
        rowKey={(alarm) => alarm.alarm_id}
        columns={isOpen ? columns.filter((column) => column.label !== t('ended')) : columns}
      />
      {me.data?.is_admin && <Told />}
    </Stack>
  );
}
