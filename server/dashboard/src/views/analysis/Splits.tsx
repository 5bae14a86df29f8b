import { Group, Stack, useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { Answered } from './Answered';
import { begun, type SplitBucket, stagesOf, timesOf, untilEnd } from './buckets';
import { NoCycles } from './NoCycles';
import { looks, namesOf, serverFile, stageSeries } from './parts';
import type { Place } from './place';
import { lastDays, type Span } from './span';
import { SpanPicker } from './SpanPicker';
import { useSplits } from './useAnswer';
import { useSpan } from './useChoice';
import { useWidth, WidthPicker } from './WidthPicker';

/** What the stages got of the cycles that were served. */
export function Splits({ place }: { place: Place }) {
  const span = useSpan(lastDays(place.today, 1));
  const width = useWidth(span, 'cycles');
  const query = useSplits(place, span, width);
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[7, 30]} error={query.error} />
      <Group>
        <WidthPicker span={span} most="cycles" width={width} />
      </Group>
      <Answered query={query} height={420}>
        {({ buckets, fetchedAt }) => <Drawn place={place} span={span} buckets={buckets} now={fetchedAt} />}
      </Answered>
    </Stack>
  );
}

interface DrawnProps {
  place: Place;
  span: Span;
  buckets: SplitBucket[];
  /** When they were so. */
  now: number;
}

function Drawn({ place, span, buckets, now }: DrawnProps) {
  const { t } = useTranslation('analysis');
  const scheme = useComputedColorScheme('light');
  const drawn = useMemo(() => {
    const past = begun(buckets, now);
    const stages = stagesOf(past, place.stages);
    const ended = (series: ReturnType<typeof stageSeries>) =>
      series.map((line) => ({ ...line, values: untilEnd(line.values) }));
    const cycle = (label: string, at: number, which: 'mean' | 'min' | 'max', width: number) => ({
      label,
      values: untilEnd(past.map(({ cycle_s }) => cycle_s?.[which] ?? null)),
      ...looks(at, scheme),
      width,
    });
    return {
      times: timesOf(past),
      greens: ended(stageSeries(stages, past, scheme, ({ green_s }) => green_s.mean)),
      splits: ended(stageSeries(stages, past, scheme, ({ split }) => split)),
      cycles: [
        cycle(t('splits.mean'), 0, 'mean', 2.5),
        cycle(t('splits.least'), 2, 'min', 1),
        cycle(t('splits.most'), 1, 'max', 1),
      ],
      any: stages.length > 0,
    };
  }, [buckets, now, place, scheme, t]);
  if (!drawn.any) return <NoCycles />;
  const common = { names: namesOf(place, span), times: drawn.times, zone: place.zone };
  const files = [serverFile(place, 'cycles', span, t('file.cycles'))];
  return (
    <>
      <TimeFigure
        {...common}
        title={t('splits.greens')}
        unit={t('seconds')}
        kind="steps"
        series={drawn.greens}
        digits={1}
        files={files}
      />
      <TimeFigure
        {...common}
        title={t('splits.splits')}
        text={t('splits.splitsText')}
        unit={t('splits.unit')}
        kind="area"
        series={drawn.splits}
        percent
        yMax={1}
      />
      <TimeFigure
        {...common}
        title={t('splits.cycles')}
        unit={t('seconds')}
        kind="steps"
        series={drawn.cycles}
        digits={1}
      />
    </>
  );
}
