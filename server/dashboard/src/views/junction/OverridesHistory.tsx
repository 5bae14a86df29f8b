import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import type { Override } from '@/api/types';
import { Listing } from '@/components/list/Listing';
import type { Column } from '@/components/list/Rows';
import { PAGE, usePages } from '@/components/list/usePages';
import type { Format } from '@/i18n/format';

const ENDS = ['expired', 'ended', 'replaced', 'refused'] as const;

/** Who acted, why, and how it ended. */
export function OverridesHistory({ id, format }: { id: string; format: Format }) {
  const { t } = useTranslation(['junction', 'signal']);
  const query = usePages(['junction', id, 'overrides'], (cursor, signal) => {
    const params = { path: { junction_id: id }, query: { limit: PAGE, cursor } };
    return page(api.GET('/api/junctions/{junction_id}/overrides', { params, signal }));
  });
  const ended = (row: Override) => {
    const how = ENDS.find((name) => name === row.end_reason);
    if (!row.override_end || !how) return t('history.runs');
    return `${format.moment(row.override_end)} · ${t(`history.endReason.${how}`, { name: row.ended_by ?? '' })}`;
  };
  const columns: Column<Override>[] = [
    { label: t('history.at'), nowrap: true, cell: (row) => format.moment(row.override_start) },
    { label: t('history.mode'), cell: (row) => t(`signal:mode.${row.mode as 'manual_override' | 'emergency'}`) },
    { label: t('history.who'), cell: (row) => row.username ?? '' },
    {
      label: t('history.why'),
      cell: (row) => (
        <>
          {row.reason ?? ''}
          {row.road_reasons?.map((reason) => (
            <Text key={reason} size="xs" c="red">
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
    />
  );
}
