import { Stack, Text, useComputedColorScheme } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '@/api/schema';
import { Figure } from '@/components/plot/Figure';
import { type Picture, Plot } from '@/components/plot/Plot';
import type { PlotBand } from '@/components/plot/series';
import { useFormat } from '@/i18n/format';
import { Answered } from './Answered';
import { looks, namesOf, serverFile } from './parts';
import { laneName, type Place } from './place';
import { lastDays, plusDays, type Span } from './span';
import { SpanPicker } from './SpanPicker';
import { useDays } from './useAnswer';
import { useSpan } from './useChoice';

type Day = components['schemas']['Day'];

/** A day is at noon of UTC, so that it is the same day in the calendar that draws it. */
const noon = (day: string) => Date.parse(`${day}T12:00:00Z`) / 1000;
const HALF = 43_200;

/** Day by day: volumes of the lanes, peak hour, cycles by mode. */
export function Days({ place }: { place: Place }) {
  const span = useSpan(lastDays(place.today, 30));
  const query = useDays(place, span);
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[7, 30, 90, 365]} error={query.error} />
      <Answered query={query} height={420}>
        {({ days }) => <Drawn place={place} span={span} days={days} />}
      </Answered>
    </Stack>
  );
}

function Drawn({ place, span, days }: { place: Place; span: Span; days: Day[] }) {
  const { t } = useTranslation(['analysis', 'plot']);
  const format = useFormat('UTC');
  const scheme = useComputedColorScheme('light');
  const picture = useRef<Picture | null>(null);
  const { times, series, bands } = useMemo(() => {
    const past = days.filter(({ stat_date }) => stat_date <= place.today);
    const ids = past[0]?.lanes.map(({ lane_id }) => lane_id) ?? [];
    const starts = past.map(({ stat_date }) => noon(stat_date) - HALF);
    const last = past.at(-1);
    return {
      times: last ? [...starts, noon(plusDays(last.stat_date, 1)) - HALF] : [],
      series: ids.map((id, at) => ({
        label: laneName(place, id),
        values: [...past.map(({ lanes }) => lanes.find(({ lane_id }) => lane_id === id)?.vehicle_count ?? null), null],
        ...looks(at, scheme),
      })),
      bands: past.flatMap(({ stat_date, total_vehicles }): PlotBand[] => {
        const from = noon(stat_date) - HALF;
        const to = from + 2 * HALF;
        return [
          ...(total_vehicles == null ? [{ from, to, kind: 'unwatched' as const }] : []),
          ...(stat_date === place.today ? [{ from, to, kind: 'running' as const }] : []),
        ];
      }),
    };
  }, [days, place, scheme]);
  const names = namesOf(place, span);
  const title = t('days.title');
  const png = () =>
    picture.current
      ? picture.current.png({
          title,
          lines: [[...names, t('plot:times', { zone: place.zone })].join(' · '), t('onlyTagged')],
        })
      : Promise.reject(new Error(t('nobodyWatched')));
  const header = [
    t('day'),
    t('total'),
    t('days.busiest'),
    t('days.busiestHour'),
    t('days.cycles'),
    t('days.cycle'),
    t('days.automatic'),
    t('days.manual'),
    t('days.emergency'),
    ...series.map(({ label }) => label),
  ];
  const rows = [...days]
    .reverse()
    .map((day) => [
      day.stat_date,
      day.total_vehicles,
      day.max_vehicle_count,
      day.peak_hour == null ? null : `${String(day.peak_hour).padStart(2, '0')}:00`,
      day.total_cycles,
      day.avg_cycle_time,
      day.automatic_cycles,
      day.manual_override_cycles,
      day.emergency_cycles,
      ...day.lanes.map(({ vehicle_count }) => vehicle_count),
    ]);
  return (
    <Figure
      title={title}
      text={t('onlyTagged')}
      names={names}
      picture={{ type: 'png', make: png }}
      table={{ header, rows }}
      write={(value, column) => format.number(value, column === 5 ? 1 : 0)}
      files={[serverFile(place, 'daily', span, t('file.daily'))]}
    >
      {series.length === 0 && <Text size="sm">{t('nobodyWatched')}</Text>}
      <Plot
        unit={t('days.unit')}
        kind="bars"
        times={times}
        series={series}
        bands={bands}
        zone="UTC"
        label={`${title}: ${names.join(', ')}`}
        picture={picture}
      />
    </Figure>
  );
}
