import { Text, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Plot } from '@/components/plot/Plot';
import { seriesColour, seriesDash } from '@/components/plot/palette';
import { SaveRows } from '@/components/list/SaveRows';
import { DEFAULT_ZONE, useFormat } from '@/i18n/format';
import { junctionQueries } from './queries';

/** Vehicles of each lane by the quarter of an hour. */
export function CountsHistory({ layout }: { layout: Layout }) {
  const { t } = useTranslation('junction');
  const scheme = useComputedColorScheme('light');
  const query = useQuery(junctionQueries.quarterHours(layout.junction_id));
  const chart = useMemo(() => {
    // The newest comes first, and is not over yet.
    const buckets = (query.data ?? [])
      .flatMap((row) => ('start' in row ? [row] : []))
      .slice(1)
      .reverse();
    const lanes = [...layout.lanes].sort((a, b) => a.lane_index - b.lane_index);
    return {
      times: buckets.map((bucket) => Date.parse(bucket.start) / 1000),
      series: lanes.map((lane, index) => ({
        label: lane.lane_name,
        colour: seriesColour(index, scheme),
        dash: seriesDash(index),
        values: buckets.map(
          (bucket) => bucket.lanes.find((sum) => sum.lane_id === lane.lane_id)?.vehicle_count ?? null,
        ),
      })),
    };
  }, [query.data, layout.lanes, scheme]);
  const zone = layout.time_zone ?? DEFAULT_ZONE;
  const format = useFormat(zone);
  const file = {
    names: [layout.junction_name, t('history.counts')],
    header: [`${t('history.at')} (${zone})`, ...chart.series.map(({ label }) => label)],
    rows: () =>
      chart.times.map((time, at) => [
        format.stamp(time * 1000),
        ...chart.series.map(({ values }) => values[at] ?? null),
      ]),
  };
  return (
    <Fetched query={query} height={260}>
      {() =>
        chart.series.every((lane) => lane.values.every((value) => value === null)) ? (
          <Text c="dimmed">{t('history.none')}</Text>
        ) : (
          <>
            <Plot
              kind="line"
              label={t('history.countsLabel')}
              times={chart.times}
              series={chart.series}
              zone={zone}
              height={260}
              unit={t('history.perQuarter')}
            />
            <SaveRows {...file} />
          </>
        )
      }
    </Fetched>
  );
}
