import { Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';

interface Props<R> {
  /** What the list is, for those who hear it. */
  label: string;
  query: UseQueryResult<{ rows: R[] }>;
  rowKey: (row: R) => string | number;
  columns: readonly Column<R>[];
}

/** What was at the junction, the newest first. */
export function HistoryRows<R>({ query, ...list }: Props<R>) {
  const { t } = useTranslation('junction');
  return (
    <Fetched query={query}>
      {({ rows }) => (rows.length === 0 ? <Text c="dimmed">{t('history.none')}</Text> : <Rows rows={rows} {...list} />)}
    </Fetched>
  );
}
