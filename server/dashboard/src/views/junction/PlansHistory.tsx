import { Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { type Format, useFormat } from '@/i18n/format';
import { junctionQueries } from './queries';
import { plannedStages } from './timeline';

const STATES = ['sent', 'pending', 'running', 'refused', 'replaced', 'expired'] as const;

/** Plans that were sent, and why. */
export function PlansHistory({ id, format }: { id: string; format: Format }) {
  const { t } = useTranslation('junction');
  const numbers = useFormat();
  const query = useQuery(junctionQueries.plans(id));
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
                  <Table.Th>{t('plan.green')}</Table.Th>
                  <Table.Th>{t('plan.title')}</Table.Th>
                  <Table.Th>{t('history.why')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((plan) => (
                  <Table.Tr key={plan.plan_id}>
                    <Table.Td>{format.time(plan.first_sent_at)}</Table.Td>
                    <Table.Td>{plan.total_cycle_time == null ? '' : numbers.seconds(plan.total_cycle_time)}</Table.Td>
                    <Table.Td>
                      {plannedStages(plan.stages)
                        .map(({ stage, green_s }) => `${stage} ${numbers.number(green_s)}`)
                        .join(' · ')}
                    </Table.Td>
                    <Table.Td>{t(`plan.state.${STATES.find((state) => state === plan.state) ?? 'sent'}`)}</Table.Td>
                    <Table.Td>{plan.reason ?? ''}</Table.Td>
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
