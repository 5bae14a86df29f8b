import { Button, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import type { CurrentPlan, Cycle, Layout } from '@/api/types';
import { AsOf } from '@/components/AsOf';
import { AspectToken } from '@/components/lamps/AspectToken';
import { type Column, Rows } from '@/components/list/Rows';
import { Section } from '@/components/Section';
import { Unfetched } from '@/components/Unfetched';
import { usePhone } from '@/components/usePhone';
import { useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { BEARING, type Direction, groupsOf } from './geometry';
import classes from './Junction.module.css';
import { runningOf } from './timeline';
import type { Present } from './useJunction';

type Lane = Layout['lanes'][number];

interface Props {
  layout: Layout;
  present: Present;
  plan: CurrentPlan | undefined;
  /** The newest comes first. */
  cycles: UseQueryResult<{ rows: Cycle[] }>;
}

/** Queues of a cycle that ended before that are none of now, milliseconds; the server's overview leaves them out as well. */
const QUEUES_MS = 15 * 60_000;

const isOfNow = (cycle: Cycle, now: number) =>
  now - clock.here(cycle.cycle_end_time ?? cycle.cycle_start_time) <= QUEUES_MS;

/** Lane by lane: what it shows, how many come, how full it is, how long they wait; on a phone the rest only when it is asked for. */
export function LaneTable({ layout, present, plan, cycles }: Props) {
  const { t } = useTranslation(['junction', 'signal', 'common']);
  const format = useFormat();
  const now = useNow(5000);
  const newest = cycles.data?.rows[0];
  const cycle = present.queuesHold && newest && isOfNow(newest, now) ? newest : undefined;
  const groups = groupsOf(layout);
  const phone = usePhone();
  const [whole, setWhole] = useState(false);
  const brief = phone && !whole;
  const lanes = [...layout.lanes].sort((a, b) => a.lane_index - b.lane_index);
  const running = present.signal?.frame.plan_id === null ? undefined : runningOf(plan)?.predicted;
  const number = (value: number | null | undefined) => (value == null ? '–' : format.number(value));
  const predictedOf = (lane: Lane) => running?.lanes.find((delay) => delay.lane === lane.lane_name);
  const columns: (Column<Lane> & { brief?: true })[] = [
    { brief: true, label: t('lanes.lane'), cell: (lane) => <strong>{lane.lane_name}</strong> },
    {
      label: t('lanes.from'),
      cell: ({ direction_enum: direction }) =>
        direction && direction in BEARING ? t(`signal:direction.${direction as Direction}`) : '',
    },
    {
      brief: true,
      label: t('lanes.signal'),
      cell: (lane) =>
        groups
          .filter((group) => group.lanes.includes(lane.lane_id))
          .map((group) => (
            <AspectToken
              key={group.name}
              aspect={present.staleS === null ? present.signal?.frame.groups[group.name] : undefined}
              name={group.name === lane.lane_name ? undefined : group.name}
            />
          )),
    },
    { label: t('lanes.counted'), cell: (lane) => number(present.counts.get(lane.lane_id)) },
    { label: t('lanes.present'), cell: (lane) => number(present.present.get(lane.lane_id)) },
    {
      brief: true,
      label: t('lanes.queue'),
      cell: (lane) => {
        const served = cycle?.lanes.find((entry) => entry.lane_id === lane.lane_id);
        // Less than half a vehicle is none.
        const left = Math.round(served?.queue_end ?? 0);
        return (
          <span>
            {number(served?.queue_start)}
            {left > 0 && (
              <Text span size="xs" c="dimmed">
                {` (${format.number(left)} ${t('lanes.left')})`}
              </Text>
            )}
          </span>
        );
      },
    },
    {
      label: t('lanes.flow'),
      nowrap: true,
      cell: (lane) => {
        const flow = plan?.demand.find((demand) => demand.lane === lane.lane_name)?.flow_veh_h;
        return flow == null ? '–' : t('common:unit.perHour', { value: format.number(flow) });
      },
    },
    {
      label: t('lanes.saturation'),
      cell: (lane) => {
        const saturation = predictedOf(lane)?.saturation;
        if (saturation == null) return '–';
        return <span className={saturation >= 1 ? classes.bad : undefined}>{format.percent(saturation)}</span>;
      },
    },
    {
      brief: true,
      label: t('lanes.delay'),
      nowrap: true,
      cell: (lane) => {
        const delay = predictedOf(lane)?.delay_s;
        return delay == null ? '–' : format.seconds(delay);
      },
    },
  ];
  return (
    <Section title={t('lanes.title')} text={brief ? undefined : t('lanes.hint')}>
      {/* One of them: where the server is away neither can be had. */}
      <Unfetched query={cycles.data ? present.recent : cycles} />
      <AsOf query={cycles} />
      <Rows
        facts={!brief}
        narrow={brief}
        label={t('lanes.title')}
        rows={lanes}
        rowKey={(lane) => lane.lane_id}
        columns={brief ? columns.filter((column) => column.brief) : columns}
      />
      {phone && (
        <Button variant="subtle" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {t(whole ? 'lanes.fewer' : 'lanes.all')}
        </Button>
      )}
    </Section>
  );
}
