import { Group, NumberInput, Stack, useComputedColorScheme } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Fetched } from '@/components/Fetched';
import { type Field, numberOf } from '@/components/field';
import { between, seriesColour } from '@/components/plot/palette';
import type { PlotBand } from '@/components/plot/series';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { useFormat } from '@/i18n/format';
import {
  begun,
  meanCurve,
  overDay,
  overSumOf,
  runningBands,
  shareOf,
  type VolumeBucket,
  watchBands,
  wholeSumOf,
} from './buckets';
import { DayField } from './DayField';
import { LanePicker, useLane, useLaneName } from './LanePicker';
import type { Place } from './place';
import { isDay, sameWeekdays } from './span';
import { volumesOptions } from './useAnswer';
import { useChoice } from './useChoice';

/** Weeks back that are laid under a day at most. */
const MOST_WEEKS = 12;
const QUARTERS = Array.from({ length: 96 }, (_, at) => at * 15);

/** A day beside the same weekday of the weeks before, and beside their mean. */
export function Compared({ place }: { place: Place }) {
  const { t } = useTranslation('analysis');
  const { get, set } = useChoice();
  const chosen = get('day');
  const day = isDay(chosen) ? chosen : place.today;
  const weeks = Math.min(MOST_WEEKS, Math.max(1, Number(get('weeks') ?? 4) || 4));
  // As it is typed: an emptied field stays empty until there is a number in it.
  const [field, setField] = useState<Field>(weeks);
  const days = useMemo(() => [day, ...sameWeekdays(day, weeks)], [day, weeks]);
  const query = useQueries({
    queries: days.map((each) => volumesOptions(place, { from: each, to: each }, '15m')),
    combine: (answers) => {
      const failed = answers.filter(({ error }) => error);
      const known = answers.every(({ data }) => data !== undefined);
      return {
        data: known ? answers.flatMap(({ data }) => data ?? []) : undefined,
        error: failed[0]?.error ?? null,
        // The oldest of those that could not be fetched again: days that are over are not asked for again, and no older for that.
        dataUpdatedAt: Math.min(...failed.map(({ dataUpdatedAt }) => dataUpdatedAt)),
        refetch: () => Promise.all(answers.map(({ refetch }) => refetch())),
      };
    },
  });
  return (
    <Stack>
      <Group align="flex-start">
        <DayField label={t('day')} value={day} max={place.today} onChange={(day) => set({ day })} />
        <NumberInput
          label={t('compared.weeks')}
          value={field}
          min={1}
          max={MOST_WEEKS}
          allowDecimal={false}
          w={150}
          onChange={(value) => {
            setField(value);
            if (numberOf(value) !== null) set({ weeks: String(value) });
          }}
        />
        <LanePicker place={place} />
      </Group>
      <Fetched query={query} height={420}>
        {(answers) => <Drawn place={place} days={days} answers={answers} />}
      </Fetched>
    </Stack>
  );
}

interface DrawnProps {
  place: Place;
  days: string[];
  /** Of each day, and when they were so. */
  answers: { buckets: VolumeBucket[]; fetchedAt: number }[];
}

function Drawn({ place, days, answers }: DrawnProps) {
  const { t } = useTranslation('analysis');
  const format = useFormat('UTC');
  const scheme = useComputedColorScheme('light');
  const only = useLane(place);
  const { series, bands, watched } = useMemo(() => {
    const lanesOf = (past: VolumeBucket[]) =>
      new Set(only ? [only] : (past[0]?.lanes ?? []).map(({ lane_id }) => lane_id));
    const curves = answers.map(({ buckets, fetchedAt }, at) => {
      const past = begun(buckets, fetchedAt);
      const lanes = lanesOf(past);
      // Of the day itself the bands say what is missing; of the earlier ones only what is whole can be compared.
      const sum = (bucket: VolumeBucket) => (at === 0 ? overSumOf : wholeSumOf)(bucket, lanes, fetchedAt);
      const curve = overDay(past, past.map(sum));
      return QUARTERS.map((minute) => curve.get(minute) ?? null);
    });
    const name = (at: number) => format.day(`${days[at] ?? ''}T00:00:00Z`);
    const [ink, far] = scheme === 'dark' ? ['#a9bad6', '#62748f'] : ['#62779f', '#93a5c4'];
    const earlier = curves.slice(1).map((curve, at) => ({
      label: name(at + 1),
      values: curve,
      colour: between(ink, far, at / Math.max(1, curves.length - 2)),
      width: 1.25,
    }));
    const { values, of } = meanCurve(curves.slice(1));
    const [least, most] = [format.number(of.least), format.number(of.most)];
    const mean = {
      label: t('compared.mean', { days: least === most ? most : `${least}–${most}` }),
      values,
      colour: seriesColour(1, scheme),
      width: 2.25,
      dash: [7, 4],
    };
    const own = {
      label: name(0),
      values: curves[0] ?? [],
      colour: seriesColour(0, scheme),
      width: 3,
    };
    // How far the day itself was watched; the time to come is not unwatched.
    const now = answers[0]?.fetchedAt ?? 0;
    const today = begun(answers[0]?.buckets ?? [], now);
    const lanes = lanesOf(today);
    const kinds = overDay(
      today,
      today.map((bucket) => [...runningBands([bucket], now), ...watchBands([bucket], lanes, now)][0]?.kind ?? null),
    );
    const shares = overDay(
      today,
      today.map((bucket) => shareOf(bucket, lanes, now)),
    );
    return {
      series: [...earlier, mean, own],
      bands: [...kinds].flatMap(([minute, kind]): PlotBand[] =>
        kind ? [{ from: minute * 60, to: (minute + 15) * 60, kind }] : [],
      ),
      watched: QUARTERS.map((minute) => shares.get(minute) ?? 1),
    };
  }, [answers, only, days, scheme, format, t]);
  const times = useMemo(() => QUARTERS.map((minute) => minute * 60), []);
  const lane = useLaneName(place);
  return (
    <TimeFigure
      title={t('compared.title')}
      text={t('compared.text')}
      names={[place.name, lane, days[0] ?? '']}
      kind="line"
      times={times}
      series={series}
      bands={bands}
      watched={watched}
      open={false}
      // Hours of the local clock, of whatever day.
      zone="UTC"
      clock={place.zone}
      unit={t('volumes.unit', { width: t('width.15m') })}
      hoursOnly
      digits={1}
    />
  );
}
