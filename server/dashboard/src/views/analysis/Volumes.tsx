import { Group, Stack, Text, useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { useFormat } from '@/i18n/format';
import { Answered } from './Answered';
import {
  begun,
  ofThoseOver,
  runningBands,
  shareOf,
  sumOf,
  timesOf,
  untilEnd,
  type VolumeBucket,
  watchBands,
} from './buckets';
import { LanePicker, useLane, useLaneName } from './LanePicker';
import { laneSeries, namesOf, serverFile } from './parts';
import type { Place } from './place';
import { lastDays, type Span, type Width } from './span';
import { SpanPicker } from './SpanPicker';
import { useVolumes } from './useAnswer';
import { useSpan } from './useChoice';
import { useWidth, WidthPicker } from './WidthPicker';

/** Tagged vehicles of the lanes over the time. */
export function Volumes({ place }: { place: Place }) {
  const span = useSpan(lastDays(place.today, 1));
  const width = useWidth(span, 'volumes');
  const query = useVolumes(place, span, width);
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[7, 30]} error={query.error} />
      <Group align="flex-end">
        <WidthPicker span={span} most="volumes" width={width} />
        <LanePicker place={place} />
      </Group>
      <Answered query={query} height={420}>
        {({ buckets, fetchedAt }) => (
          <Drawn place={place} span={span} width={width} buckets={buckets} now={fetchedAt} />
        )}
      </Answered>
    </Stack>
  );
}

interface DrawnProps {
  place: Place;
  span: Span;
  width: Width;
  buckets: VolumeBucket[];
  /** When they were so. */
  now: number;
}

function Drawn({ place, span, width, buckets, now }: DrawnProps) {
  const { t } = useTranslation('analysis');
  const format = useFormat(place.zone);
  const scheme = useComputedColorScheme('light');
  const only = useLane(place);
  const lane = useLaneName(place);
  const drawn = useMemo(() => {
    const past = begun(buckets, now);
    const lanes = new Set((past[0]?.lanes ?? []).map(({ lane_id }) => lane_id).filter((id) => !only || id === only));
    const series = laneSeries(place, past, scheme, (lane) => lane.vehicle_count, only);
    const total = past.map((bucket) => sumOf(bucket, lanes));
    const all = { label: t('total'), values: total, colour: scheme === 'dark' ? '#d5dae3' : '#394152', width: 2.5 };
    const shown = series.length > 1 ? [...series, all] : series;
    return {
      times: timesOf(past),
      series: shown.map((line) => ({ ...line, values: untilEnd(line.values) })),
      lines: shown.map((line) => ({ ...line, values: untilEnd(ofThoseOver(line.values, past, now)) })),
      bands: [...watchBands(past, lanes, now), ...runningBands(past, now)],
      watched: past.map((bucket) => shareOf(bucket, lanes, now)),
      sum: total.reduce<number>((sum, value) => sum + (value ?? 0), 0),
      known: total.some((value) => value !== null),
    };
  }, [buckets, now, place, scheme, only, t]);
  return (
    <TimeFigure
      title={t('volumes.title', { width: t(`width.${width}`) })}
      text={t('onlyTagged')}
      names={namesOf(place, span, [lane])}
      unit={t('volumes.unit', { width: t(`width.${width}`) })}
      kind="steps"
      times={drawn.times}
      series={drawn.series}
      drawn={drawn.lines}
      bands={drawn.bands}
      watched={drawn.watched}
      zone={place.zone}
      files={[serverFile(place, 'counts', span, t('file.counts')), serverFile(place, 'daily', span, t('file.daily'))]}
    >
      <Text size="sm" data-testid="sum">
        {drawn.known ? t('volumes.sum', { count: drawn.sum, value: format.number(drawn.sum) }) : t('nobodyWatched')}
      </Text>
    </TimeFigure>
  );
}
