import { Alert, Group, Stack, useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { PlotSeries } from '@/components/plot/series';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { Answered } from './Answered';
import { begun, type QueueBucket, timesOf, untilEnd } from './buckets';
import { LanePicker, useLane, useLaneName } from './LanePicker';
import { laneSeries, namesOf } from './parts';
import type { Place } from './place';
import { lastDays, type Span } from './span';
import { SpanPicker } from './SpanPicker';
import { useQueues } from './useAnswer';
import { useSpan } from './useChoice';
import { useWidth, WidthPicker } from './WidthPicker';

/** How many wait at the start of green, how many are left at its end, and for how long they wait. */
export function Queues({ place }: { place: Place }) {
  const span = useSpan(lastDays(place.today, 1));
  const width = useWidth(span, 'cycles');
  const query = useQueues(place, span, width);
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[7, 30]} error={query.error} />
      <Group align="flex-end">
        <WidthPicker span={span} most="cycles" width={width} />
        <LanePicker place={place} />
      </Group>
      <Answered query={query} height={420}>
        {({ buckets, fetchedAt }) => <Drawn place={place} span={span} buckets={buckets} now={fetchedAt} />}
      </Answered>
    </Stack>
  );
}

const any = (series: PlotSeries[]) => series.some(({ values }) => values.some((value) => value !== null));

interface DrawnProps {
  place: Place;
  span: Span;
  buckets: QueueBucket[];
  /** When they were so. */
  now: number;
}

function Drawn({ place, span, buckets, now }: DrawnProps) {
  const { t } = useTranslation('analysis');
  const scheme = useComputedColorScheme('light');
  const only = useLane(place);
  const lane = useLaneName(place);
  const drawn = useMemo(() => {
    const past = begun(buckets, now);
    const of = (value: (lane: QueueBucket['lanes'][number]) => number | null | undefined) =>
      laneSeries(place, past, scheme, value, only).map((line) => ({ ...line, values: untilEnd(line.values) }));
    return {
      times: timesOf(past),
      start: of(({ queue_start }) => queue_start?.mean),
      end: of(({ queue_end }) => queue_end?.mean),
      level: of(({ congestion_level }) => congestion_level),
      wait: of(({ wait_s }) => wait_s),
    };
  }, [buckets, now, place, scheme, only]);
  if (!any(drawn.start) && !any(drawn.end)) return <Alert>{t('noQueues')}</Alert>;
  const common = { names: namesOf(place, span, [lane]), times: drawn.times, zone: place.zone, kind: 'steps' as const };
  return (
    <>
      <TimeFigure
        {...common}
        title={t('queues.start')}
        text={t('queues.text')}
        unit={t('queues.unit')}
        series={drawn.start}
        digits={1}
      />
      <TimeFigure
        {...common}
        title={t('queues.end')}
        text={t('queues.text')}
        unit={t('queues.unit')}
        series={drawn.end}
        digits={1}
      />
      {any(drawn.wait) ? (
        <TimeFigure
          {...common}
          title={t('queues.wait')}
          text={t('queues.waitText')}
          unit={t('seconds')}
          series={drawn.wait}
          digits={1}
        />
      ) : (
        <Alert>{t('noWaits')}</Alert>
      )}
      <TimeFigure
        {...common}
        title={t('queues.level')}
        text={t('queues.levelText')}
        unit={t('queues.levelUnit')}
        series={drawn.level}
        percent
        yMax={1}
      />
    </>
  );
}
