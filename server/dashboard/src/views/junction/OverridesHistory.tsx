import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import type { Override, Layout } from '@/api/types';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { PAGE, usePages } from '@/components/list/usePages';
import { LARGEST_PAGE, type PageQuery, type SpanFile } from '@/components/list/wholeSpan';
import { DEFAULT_ZONE, type Format } from '@/i18n/format';

const ENDS = ['expired', 'ended', 'replaced', 'refused'] as const;

/** Who acted, why, and how it ended. */
export function OverridesHistory({ layout, format }: { layout: Layout; format: Format }) {
  const { junction_id: id, junction_name, time_zone = DEFAULT_ZONE } = layout;
  const { t } = useTranslation(['junction', 'signal']);
  const fetchPage = (query: PageQuery, signal: AbortSignal) =>
    page(api.GET('/api/junctions/{junction_id}/overrides', { params: { path: { junction_id: id }, query }, signal }));
  const query = usePages(['junction', id, 'overrides'], (cursor, signal) => fetchPage({ limit: PAGE, cursor }, signal));
  const howOf = (row: Override) => {
    const how = ENDS.find((name) => name === row.end_reason);
    return row.override_end && how ? t(`history.endReason.${how}`, { name: row.ended_by ?? '' }) : t('history.runs');
  };
  const ended = (row: Override) => {
    const how = howOf(row);
    return row.override_end && ENDS.some((name) => name === row.end_reason)
      ? `${format.moment(row.override_end)} · ${how}`
      : how;
  };
  const modeOf = (row: Override) => {
    const mode = t(`signal:mode.${row.mode as 'manual_override' | 'emergency'}`);
    const lane = layout.lanes.find(({ lane_id }) => lane_id === row.lane_id);
    return lane ? `${mode}, ${t('override.forLane', { lane: lane.lane_name })}` : mode;
  };
  const file: SpanFile<Override> = {
    names: [junction_name, t('history.overrides')],
    header: [
      `${t('history.at')} (${time_zone})`,
      t('history.mode'),
      t('history.who'),
      t('history.why'),
      `${t('history.end')} (${time_zone})`,
      t('history.ended'),
    ],
    zone: time_zone,
    fetchPage: (span, cursor, signal) => fetchPage({ ...span, limit: LARGEST_PAGE, cursor }, signal),
    at: (row) => row.override_start,
    row: (row) => [
      format.stampToSecond(row.override_start),
      modeOf(row),
      row.username,
      [row.reason, ...(row.road_reasons ?? [])].filter(Boolean).join('; '),
      row.override_end && format.stampToSecond(row.override_end),
      howOf(row),
    ],
  };
  const columns: Column<Override>[] = [
    { label: t('history.at'), nowrap: true, cell: (row) => format.moment(row.override_start) },
    { label: t('history.mode'), cell: modeOf },
    { label: t('history.who'), cell: (row) => row.username ?? '' },
    {
      label: t('history.why'),
      cell: (row) => (
        <>
          {row.reason ?? ''}
          {row.road_reasons?.map((reason, at) => (
            <Text key={at} size="xs" c="red" lang="en">
              {reason}
            </Text>
          ))}
        </>
      ),
    },
    { label: t('history.ended'), cell: ended },
  ];
  return (
    <Listing
      empty={t('history.none')}
      label={t('history.overrides')}
      query={query}
      rowKey={(row) => row.override_id}
      columns={columns}
      file={file}
    />
  );
}
