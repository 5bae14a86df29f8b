import { Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Override } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import type { Format } from '@/i18n/format';
import { junctionQueries } from './queries';

const ENDS = ['expired', 'ended', 'replaced', 'refused'] as const;

/** Who acted, why, and how it ended. */
export function OverridesHistory({ id, format }: { id: string; format: Format }) {
  const { t } = useTranslation(['junction', 'signal']);
  const query = useQuery(junctionQueries.overrides(id));
  const ended = (row: Override) => {
    const how = ENDS.find((name) => name === row.end_reason);
    if (!row.override_end || !how) return t('history.runs');
    return `${format.time(row.override_end)} · ${t(`history.endReason.${how}`, { name: row.ended_by ?? '' })}`;
  };
  return (
    <Fetched query={query}>
      {({ rows }) =>
        rows.length === 0 ? (
          <Text c="dimmed">{t('history.none')}</Text>
        ) : (
          <Table.ScrollContainer minWidth={560}>
            <Table verticalSpacing={6}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('history.at')}</Table.Th>
                  <Table.Th>{t('history.mode')}</Table.Th>
                  <Table.Th>{t('history.who')}</Table.Th>
                  <Table.Th>{t('history.why')}</Table.Th>
                  <Table.Th>{t('history.ended')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.override_id} data-testid="override-row">
                    <Table.Td>{format.dateTime(row.override_start)}</Table.Td>
                    <Table.Td>{t(`signal:mode.${row.mode as 'manual_override' | 'emergency'}`)}</Table.Td>
                    <Table.Td>{row.username ?? ''}</Table.Td>
                    <Table.Td>
                      {row.reason ?? ''}
                      {row.road_reasons?.map((reason) => (
                        <Text key={reason} size="xs" c="red">
                          {reason}
                        </Text>
                      ))}
                    </Table.Td>
                    <Table.Td>{ended(row)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )
      }
    </Fetched>
  );
}
