import { Alert, Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useLayout } from '@/api/junctions';
import type { Layout } from '@/api/types';
import { BackLink } from '@/components/BackLink';
import { Fetched } from '@/components/Fetched';
import { JunctionLinks } from '@/components/junction/JunctionHead';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { AlarmList } from '@/components/alarms/AlarmList';
import { ActCard } from './ActCard';
import { DecisionCard } from './DecisionCard';
import { DevicesCard } from './DevicesCard';
import { Drawing } from './Drawing';
import { EstimatesCard } from './EstimatesCard';
import { HeadState } from './HeadState';
import { controlToldBy, modeToldBy } from './health';
import { HistoryCard } from './HistoryCard';
import classes from './Junction.module.css';
import { LaneTable } from './LaneTable';
import { PlanCard } from './PlanCard';
import { junctionQueries } from './queries';
import { TimelineCard } from './TimelineCard';
import { runningStages, usePresent } from './useJunction';

/** A junction: what it does at present and why, what it did, and what can be done about it. */
export function JunctionView() {
  const { junctionId = '' } = useParams();
  const layout = useLayout(junctionId);
  return (
    <Fetched whole query={layout} height={480}>
      {(found) => <Junction key={junctionId} layout={found} />}
    </Fetched>
  );
}

function Junction({ layout }: { layout: Layout }) {
  const { t } = useTranslation(['junction', 'common']);
  const id = layout.junction_id;
  const format = useFormat(layout.time_zone);
  const present = usePresent(id);
  const plan = useQuery(junctionQueries.plan(id));
  const cycles = useQuery(junctionQueries.newestCycle(id));
  const frame = present.signal?.frame;
  const stale = present.staleS !== null;
  const faults = present.told.flatMap(({ deviceId: device, frame: { online, controller } }) =>
    online && controller?.fault ? [{ device, fault: controller.fault }] : [],
  );
  const heard = (stale ? undefined : frame?.mode) ?? modeToldBy(present.told);
  const { lamps } = present;
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div>
          <BackLink to="/" text={t('back')} />
          <PageTitle>{layout.junction_name}</PageTitle>
          <Text size="sm" c="dimmed">
            {layout.city}
          </Text>
        </div>
        <Group gap="xs">
          {stale && (
            <Badge color="red" variant="filled" size="lg" data-testid="stale">
              {t('common:stale', { age: format.age(present.staleS ?? 0) })}
            </Badge>
          )}
          {frame && !stale && <HeadState frame={frame} faulty={faults.length > 0} />}
        </Group>
      </Group>
      <JunctionLinks id={id} here="live" />
      {faults.map(({ device, fault }) => (
        <Alert key={device} color="red" title={t('fault')}>
          <span lang="en">{fault}</span>
        </Alert>
      ))}
      <div className={classes.present}>
        {/* First, also for the keyboard and on a phone: what somebody has come for in a hurry. */}
        <div className={classes.act}>
          <ActCard layout={layout} plan={plan} heard={heard} control={controlToldBy(present.told)} format={format} />
        </div>
        <div className={classes.drawing}>
          <Section title={t('drawing.title')}>
            {!present.signal && (
              <Fetched query={lamps} height={24}>
                {() => <Text c="dimmed">{t('drawing.noSignal')}</Text>}
              </Fetched>
            )}
            <Drawing
              layout={layout}
              aspects={frame?.groups ?? {}}
              stale={stale}
              counts={present.counts}
              waiting={present.present}
            />
            <Text size="xs" c="dimmed">
              {t('drawing.hint')}
            </Text>
          </Section>
        </div>
        <Stack>
          <TimelineCard
            signal={present.signal}
            awaited={lamps.isPending}
            plan={runningStages(plan.data, frame?.plan_id)}
            stale={stale}
            control={controlToldBy(present.told)}
          />
          <DecisionCard told={present.told} stage={frame?.stage} />
        </Stack>
      </div>
      <Fetched query={plan}>
        {(current) => <PlanCard current={current} runs={stale ? undefined : frame?.plan_id} format={format} />}
      </Fetched>
      <LaneTable layout={layout} present={present} plan={plan.data} cycles={cycles} />
      <AlarmList junctionId={id} />
      <DevicesCard present={present} />
      <EstimatesCard layout={layout} told={present.told} />
      <HistoryCard layout={layout} format={format} />
    </Stack>
  );
}
