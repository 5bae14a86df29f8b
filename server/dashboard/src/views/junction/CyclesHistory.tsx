import { Group, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { type Format, useFormat } from '@/i18n/format';
import type { Messages } from '@/i18n/messages';
import { junctionQueries } from './queries';

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
export function CyclesHistory({ id, format }: { id: string; format: Format }) {
  const { t } = useTranslation(['junction', 'signal']);
  const numbers = useFormat();
  const query = useQuery(junctionQueries.cycles(id));
  const end = (name: string | null | undefined) =>
    name && Object.hasOwn(ENDS, name) ? t(`signal:end.${name as keyof typeof ENDS}`) : '';
  return (
    <Fetched query={query}>
      {({ rows }) =>
        rows.length === 0 ? (
          <Text c="dimmed">{t('history.none')}</Text>
        ) : (
          <Table.ScrollContainer minWidth={640}>
            <Table verticalSpacing={6}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('history.at')}</Table.Th>
                  <Table.Th>{t('history.length')}</Table.Th>
                  <Table.Th>{t('history.stages')}</Table.Th>
                  <Table.Th>{t('history.vehicles')}</Table.Th>
                  <Table.Th>{t('history.mode')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((cycle) => (
                  <Table.Tr key={cycle.cycle_id}>
                    <Table.Td>{format.time(cycle.cycle_start_time)}</Table.Td>
                    <Table.Td>{cycle.total_cycle_time == null ? '' : numbers.seconds(cycle.total_cycle_time)}</Table.Td>
                    <Table.Td>
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
                    </Table.Td>
                    <Table.Td>
                      {numbers.number(cycle.lanes.reduce((sum, lane) => sum + lane.vehicle_count, 0))}
                    </Table.Td>
                    <Table.Td>
                      {t(`signal:mode.${cycle.cycle_mode as 'automatic' | 'manual_override' | 'emergency'}`)}
                    </Table.Td>
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
