import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Override } from '@/api/types';
import type { Column } from '@/components/list/Rows';
import type { Format } from '@/i18n/format';
import { HistoryRows } from './HistoryRows';
import { junctionQueries } from './queries';

const ENDS = ['expired', 'ended', 'replaced', 'refused'] as const;

/** Who acted, why, and how it ended. */
export function OverridesHistory({ id, format }: { id: string; format: Format }) {
  const { t } = useTranslation(['junction', 'signal']);
  const query = useQuery(junctionQueries.overrides(id));
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
    <HistoryRows label={t('history.overrides')} query={query} rowKey={(row) => row.override_id} columns={columns} />
  );
}
