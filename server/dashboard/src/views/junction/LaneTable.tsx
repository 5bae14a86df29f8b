import { Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { CurrentPlan, Cycle, Layout } from '@/api/types';
import { AspectToken } from '@/components/lamps/AspectToken';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { BEARING, type Direction, groupsOf } from './geometry';
import classes from './Junction.module.css';
import type { Present } from './useJunction';

interface Props {
  layout: Layout;
  present: Present;
  plan: CurrentPlan | undefined;
  cycle: Cycle | undefined;
}

/** Lane by lane: what it shows, how many come, how full it is, how long they wait. */
export function LaneTable({ layout, present, plan, cycle }: Props) {
  const { t } = useTranslation(['junction', 'signal', 'common']);
  const format = useFormat();
  const groups = groupsOf(layout);
  const lanes = [...layout.lanes].sort((a, b) => a.lane_index - b.lane_index);
  const running = plan?.plan?.predicted ?? plan?.previous?.predicted;
  return (
    <Section title={t('lanes.title')} text={t('lanes.hint')}>
      <Table.ScrollContainer minWidth={600}>
        <Table verticalSpacing={6} className={classes.numbers}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('lanes.lane')}</Table.Th>
              <Table.Th>{t('lanes.from')}</Table.Th>
              <Table.Th>{t('lanes.signal')}</Table.Th>
              <Table.Th>{t('lanes.counted')}</Table.Th>
              <Table.Th>{t('lanes.present')}</Table.Th>
              <Table.Th>{t('lanes.queue')}</Table.Th>
              <Table.Th>{t('lanes.flow')}</Table.Th>
              <Table.Th>{t('lanes.saturation')}</Table.Th>
              <Table.Th>{t('lanes.delay')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {lanes.map((lane) => {
              const demand = plan?.demand.find((flow) => flow.lane === lane.lane_name);
              const predicted = running?.lanes.find((delay) => delay.lane === lane.lane_name);
              const served = cycle?.lanes.find((entry) => entry.lane_id === lane.lane_id);
              const direction = lane.direction_enum;
              const number = (value: number | null | undefined) => (value == null ? '–' : format.number(value));
              return (
                <Table.Tr key={lane.lane_id} data-testid={`lane-${lane.lane_name}`}>
                  <Table.Th scope="row">{lane.lane_name}</Table.Th>
                  <Table.Td>
                    {direction && direction in BEARING ? t(`signal:direction.${direction as Direction}`) : ''}
                  </Table.Td>
                  <Table.Td>
                    {groups
                      .filter((group) => group.lanes.includes(lane.lane_id))
                      .map((group) => (
                        <AspectToken
                          key={group.name}
                          aspect={present.staleS === null ? present.signal?.frame.groups[group.name] : undefined}
                          name={group.name === lane.lane_name ? undefined : group.name}
                        />
                      ))}
                  </Table.Td>
                  <Table.Td>{number(present.counts.get(lane.lane_id))}</Table.Td>
                  <Table.Td>{number(present.present.get(lane.lane_id))}</Table.Td>
                  <Table.Td>
                    {number(served?.queue_start)}
                    {served?.queue_end != null && served.queue_end > 0 && (
                      <Text span size="xs" c="dimmed">
                        {` (${format.number(served.queue_end)} ${t('lanes.left')})`}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    {demand?.flow_veh_h == null
                      ? '–'
                      : t('common:unit.perHour', { value: format.number(demand.flow_veh_h) })}
                  </Table.Td>
                  <Table.Td
                    className={predicted?.saturation != null && predicted.saturation >= 1 ? classes.bad : undefined}
                  >
                    {predicted?.saturation == null ? '–' : format.percent(predicted.saturation)}
                  </Table.Td>
                  <Table.Td>{predicted?.delay_s == null ? '–' : format.seconds(predicted.delay_s)}</Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}
