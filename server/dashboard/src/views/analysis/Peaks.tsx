import { Group, Stack, Text } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '@/api/schema';
import { Figure } from '@/components/plot/Figure';
import { svgOf } from '@/components/plot/picture';
import { type Column, Rows } from '@/components/list/Rows';
import { useFormat } from '@/i18n/format';
import { Answered } from './Answered';
import { HeatMap } from './HeatMap';
import { LanePicker, useLane, useLaneName } from './LanePicker';
import { namesOf } from './parts';
import { laneName, type Place } from './place';
import { lastDays, type Span } from './span';
import { SpanPicker } from './SpanPicker';
import { usePeaks } from './useAnswer';
import { useSpan } from './useChoice';
import { WEEKDAYS, weekOf } from './week';

type Peak = components['schemas']['PeakHoursAnswer']['peaks'][number];
type Answer = components['schemas']['PeakHoursAnswer'];

/** When most vehicles come: the usual week, and the busiest hour with its peak hour factor. */
export function Peaks({ place }: { place: Place }) {
  const span = useSpan(lastDays(place.today, 30));
  const query = usePeaks(place, span);
  return (
    <Stack>
      <SpanPicker span={span} today={place.today} lengths={[30, 90]} error={query.error} />
      <Group>
        <LanePicker place={place} />
      </Group>
      <Answered query={query} height={380}>
        {(answer) => (
          <>
            <Week place={place} span={span} answer={answer} />
            <Busiest place={place} span={span} answer={answer} />
          </>
        )}
      </Answered>
    </Stack>
  );
}

interface Parts {
  place: Place;
  span: Span;
  answer: Answer;
}

function Week({ place, span, answer }: Parts) {
  const { t } = useTranslation(['analysis', 'plot']);
  const format = useFormat(place.zone);
  const only = useLane(place);
  const drawing = useRef<SVGSVGElement | null>(null);
  const week = useMemo(() => weekOf(answer.hours, only), [answer, only]);
  const value = (weekday: string, hour: number) => week.get(`${weekday} ${hour}`) ?? null;
  const names = namesOf(place, span, [useLaneName(place)]);
  const svg = () =>
    drawing.current
      ? Promise.resolve(new Blob([svgOf(drawing.current)], { type: 'image/svg+xml' }))
      : Promise.reject(new Error(t('notWatched')));
  return (
    <Figure
      title={t('peaks.week')}
      text={t('peaks.weekText')}
      names={names}
      picture={{ type: 'svg', make: svg }}
      write={(mean) => format.number(mean, 1)}
      table={{
        header: [t('hour'), ...WEEKDAYS.map((weekday) => t(`weekday.${weekday}`))],
        rows: Array.from({ length: 24 }, (_, hour) => [
          `${String(hour).padStart(2, '0')}:00`,
          ...WEEKDAYS.map((weekday) => value(weekday, hour)),
        ]),
      }}
    >
      {answer.peak_hour != null && (
        <Text size="sm">{t('peaks.usual', { hour: String(answer.peak_hour).padStart(2, '0') })}</Text>
      )}
      <HeatMap
        value={value}
        most={Math.max(0, ...week.values())}
        title={t('peaks.week')}
        text={[...names, t('plot:times', { zone: place.zone })].join(' · ')}
        drawing={drawing}
      />
    </Figure>
  );
}

function Busiest({ place, span, answer }: Parts) {
  const { t } = useTranslation('analysis');
  const format = useFormat(place.zone);
  const header = [t('lane'), t('peaks.start'), t('peaks.volume'), t('peaks.quarter'), t('peaks.factor')];
  const name = (id: string | null | undefined) => (id ? laneName(place, id) : t('allLanes'));
  // All lanes together, then each in the junction's order.
  const order = (id: string | null | undefined) => place.lanes.findIndex((lane) => lane.id === id);
  const peaks = [...answer.peaks].sort((a, b) => order(a.lane_id) - order(b.lane_id));
  const rows = peaks.map((peak) => [
    name(peak.lane_id),
    format.stamp(peak.start),
    peak.vehicle_count,
    peak.peak_quarter_count,
    peak.peak_hour_factor,
  ]);
  const columns: Column<Peak>[] = [
    { label: t('lane'), cell: (peak) => (peak.lane_id ? name(peak.lane_id) : <strong>{name(null)}</strong>) },
    { label: t('peaks.start'), cell: (peak) => `${format.day(peak.start)}, ${format.clock(peak.start)}` },
    { label: t('peaks.volume'), cell: (peak) => format.number(peak.vehicle_count) },
    { label: t('peaks.quarter'), cell: (peak) => format.number(peak.peak_quarter_count) },
    {
      label: t('peaks.factor'),
      cell: (peak) => format.number(peak.peak_hour_factor, 2),
    },
  ];
  return (
    <Figure
      title={t('peaks.busiest')}
      text={t('peaks.busiestText')}
      names={namesOf(place, span)}
      table={{ header, rows }}
      write={(value, column) => format.number(value, column === 4 ? 3 : 0)}
    >
      {rows.length === 0 ? (
        <Text size="sm">{t('nobodyWatched')}</Text>
      ) : (
        <Rows label={t('peaks.busiest')} rows={peaks} rowKey={(peak) => peak.lane_id ?? 'all'} columns={columns} />
      )}
    </Figure>
  );
}
