import { Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import type { Cycle, Layout } from '@/api/types';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { PAGE, usePages } from '@/components/list/usePages';
import { LARGEST_PAGE, type PageQuery, type SpanFile } from '@/components/list/wholeSpan';
import { DEFAULT_ZONE, type Format, useFormat } from '@/i18n/format';
import type { Messages } from '@/i18n/messages';

const ENDS: Record<keyof Messages['signal']['end'], true> = {
  plan: true,
  gap_out: true,
  max_out: true,
  force_off: true,
  priority: true,
  manual: true,
  fault: true,
};

/** Cycles as served, and how each green ended. */
export function CyclesHistory({ layout, format }: { layout: Layout; format: Format }) {
  const { junction_id: id, junction_name, time_zone = DEFAULT_ZONE } = layout;
  const { t } = useTranslation(['junction', 'signal']);
  const numbers = useFormat();
  const fetchPage = (query: PageQuery, signal: AbortSignal) =>
    page(api.GET('/api/junctions/{junction_id}/cycles', { params: { path: { junction_id: id }, query }, signal }));
  const query = usePages(['junction', id, 'cycles'], (cursor, signal) => fetchPage({ limit: PAGE, cursor }, signal), {
    refetchInterval: 30_000,
  });
  const end = (name: string | null | undefined) =>
    name && Object.hasOwn(ENDS, name) ? t(`signal:end.${name as keyof typeof ENDS}`) : '';
  const modeOf = (cycle: Cycle) =>
    t(`signal:mode.${cycle.cycle_mode as 'automatic' | 'manual_override' | 'emergency'}`);
  const vehiclesOf = (cycle: Cycle) => cycle.lanes.reduce((sum, lane) => sum + lane.vehicle_count, 0);
  const file: SpanFile<Cycle> = {
    names: [junction_name, t('history.cycles')],
    header: [
      `${t('history.at')} (${time_zone})`,
      `${t('history.length')} (s)`,
      t('history.stages'),
      t('history.vehicles'),
      t('history.mode'),
    ],
    zone: time_zone,
    fetchPage: (span, cursor, signal) => fetchPage({ ...span, limit: LARGEST_PAGE, cursor }, signal),
    at: (cycle) => cycle.cycle_start_time,
    row: (cycle) => [
      format.stampToSecond(cycle.cycle_start_time),
      cycle.total_cycle_time,
      cycle.stages.map(({ stage, green_s, end: how }) => `${stage} ${green_s} ${end(how)}`.trim()).join('; '),
      vehiclesOf(cycle),
      modeOf(cycle),
    ],
  };
  const columns: Column<Cycle>[] = [
    { label: t('history.at'), nowrap: true, cell: (cycle) => format.moment(cycle.cycle_start_time) },
    {
      label: t('history.length'),
      cell: (cycle) => (cycle.total_cycle_time == null ? '' : numbers.seconds(cycle.total_cycle_time)),
    },
    {
      label: t('history.stages'),
      cell: (cycle) => (
        <Group gap="sm">
          {cycle.stages.map((stage, index) => (
            <Text key={`${index} ${stage.stage}`} size="sm">
              <strong>{stage.stage}</strong> {numbers.seconds(stage.green_s)}{' '}
              <Text span size="xs" c="dimmed">
                {end(stage.end)}
              </Text>
            </Text>
          ))}
        </Group>
      ),
    },
    {
      label: t('history.vehicles'),
      cell: (cycle) => numbers.number(vehiclesOf(cycle)),
    },
    {
      label: t('history.mode'),
      cell: modeOf,
    },
  ];
  return (
    <Listing
      empty={t('history.none')}
      label={t('history.cycles')}
      query={query}
      rowKey={(cycle) => cycle.cycle_id}
      columns={columns}
      file={file}
    />
  );
}
