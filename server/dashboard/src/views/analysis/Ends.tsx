import { Group, Select, Stack, useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { Answered } from './Answered';
import { begun, ENDS, type EndsBucket, endsOf, runningBands, stagesOf, timesOf, untilEnd } from './buckets';
import { NoCycles } from './NoCycles';
import { looks, namesOf, serverFile } from './parts';
import type { Place } from './place';
import { lastDays, type Span } from './span';
import { SpanPicker } from './SpanPicker';
import { useEnds } from './useAnswer';
import { useChoice, useSpan } from './useChoice';
import { useWidth, WidthPicker } from './WidthPicker';

/** What ended the greens. */
export function Ends({ place }: { place: Place }) {
  const { t } = useTranslation('analysis');
  const { get, set } = useChoice();
  const span = useSpan(lastDays(place.today, 1));
  const width = useWidth(span, 'cycles');
  const query = useEnds(place, span, width);
  const stages = useMemo(() => stagesOf(query.data?.buckets ?? [], place.stages), [query.data, place]);
  const chosen = get('stage');
  const stage = chosen !== null && stages.includes(chosen) ? chosen : null;
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[7, 30]} error={query.error} />
      <Group align="flex-end">
        <WidthPicker span={span} most="cycles" width={width} />
        <Select
          label={t('stage')}
          value={stage ?? ''}
          onChange={(value) => set({ stage: value === '' ? null : value })}
          data={[{ value: '', label: t('allStages') }, ...stages.map((name) => ({ value: name, label: name }))]}
          allowDeselect={false}
          w={160}
        />
      </Group>
      <Answered query={query} height={420}>
        {({ buckets, fetchedAt }) => (
          <Drawn place={place} span={span} buckets={buckets} now={fetchedAt} stage={stage} />
        )}
      </Answered>
    </Stack>
  );
}

interface DrawnProps {
  place: Place;
  span: Span;
  buckets: EndsBucket[];
  /** When they were so. */
  now: number;
  stage: string | null;
}

function Drawn({ place, span, buckets, now, stage }: DrawnProps) {
  const { t } = useTranslation('analysis');
  const scheme = useComputedColorScheme('light');
  const { times, series, bands } = useMemo(() => {
    const past = begun(buckets, now);
    const ends = ENDS.map((end, at) => ({
      label: t(`end.${end}`),
      values: untilEnd(past.map((bucket) => endsOf(bucket, stage, end))),
      ...looks(at, scheme),
    }));
    return {
      times: timesOf(past),
      series: ends.filter(({ values }) => values.some((value) => value)),
      bands: runningBands(past, now),
    };
  }, [buckets, now, stage, scheme, t]);
  if (series.length === 0) return <NoCycles />;
  return (
    <TimeFigure
      title={stage === null ? t('ends.title') : t('ends.titleOf', { stage })}
      text={t('ends.text')}
      names={namesOf(place, span)}
      unit={t('ends.unit')}
      kind="bars"
      times={times}
      series={series}
      bands={bands}
      zone={place.zone}
      files={[serverFile(place, 'cycles', span, t('file.cycles'))]}
    />
  );
}
