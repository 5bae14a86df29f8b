import { Group, Text, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import { clock } from '@/api/clock';
import type { CountBucket, Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { TimeFigure } from '@/components/plot/TimeFigure';
import { seriesColour, seriesDash } from '@/components/plot/palette';
import { SaveSpan } from '@/components/list/SaveSpan';
import { LARGEST_PAGE, type SpanFile } from '@/components/list/wholeSpan';
import { DEFAULT_ZONE, useFormat } from '@/i18n/format';
import { shareOf, timesOf, untilEnd, watchBands } from '@/views/analysis/buckets';
import { junctionQueries } from './queries';

const QUARTER_MS = 900_000;

const bucketsOf = (rows: readonly object[]): CountBucket[] =>
  rows.flatMap((row) => ('start' in row ? [row as CountBucket] : []));

/** What a lane has in a bucket; null: nothing is known of it there. */
const countOf = (sums: CountBucket['lanes'], lane: string) =>
  sums.find(({ lane_id }) => lane_id === lane)?.vehicle_count ?? null;

/** Vehicles of each lane by the quarter of an hour. */
export function CountsHistory({ layout }: { layout: Layout }) {
  const { t } = useTranslation('junction');
  const scheme = useComputedColorScheme('light');
  const query = useQuery(junctionQueries.quarterHours(layout.junction_id));
  const lanes = useMemo(() => layout.lanes.toSorted((a, b) => a.lane_index - b.lane_index), [layout.lanes]);
  const chart = useMemo(() => {
    // The newest comes first, and is not over yet.
    const buckets = bucketsOf(query.data ?? [])
      .slice(1)
      .reverse();
    const shown = new Set(lanes.map(({ lane_id }) => lane_id));
    const now = query.dataUpdatedAt - clock.aheadMs();
    return {
      times: timesOf(buckets),
      bands: watchBands(buckets, shown, now),
      watched: buckets.map((bucket) => shareOf(bucket, shown, now)),
      series: lanes.map((lane, index) => ({
        label: lane.lane_name,
        colour: seriesColour(index, scheme),
        dash: seriesDash(index),
        values: untilEnd(buckets.map((bucket) => countOf(bucket.lanes, lane.lane_id))),
      })),
    };
  }, [query.data, query.dataUpdatedAt, lanes, scheme]);
  const zone = layout.time_zone ?? DEFAULT_ZONE;
  const format = useFormat(zone);
  const id = layout.junction_id;
  const file: SpanFile<CountBucket> = {
    names: [layout.junction_name, t('history.counts')],
    header: [`${t('history.at')} (${zone})`, ...lanes.map(({ lane_name }) => lane_name)],
    zone,
    fetchPage: async (span, cursor, signal) => {
      const query = { ...span, bucket: '15m', limit: LARGEST_PAGE, cursor } as const;
      const params = { path: { junction_id: id }, query };
      const { rows, next } = await page(api.GET('/api/junctions/{junction_id}/counts', { params, signal }));
      const isOver = ({ start }: CountBucket) => Date.parse(start) + QUARTER_MS <= Date.parse(span.to);
      return { rows: bucketsOf(rows).filter(isOver), next };
    },
    at: ({ start }) => start,
    row: ({ start, lanes: sums }) => [format.stamp(start), ...lanes.map((lane) => countOf(sums, lane.lane_id))],
  };
  const none = chart.series.every((lane) => lane.values.every((value) => value === null));
  return (
    <Fetched query={query} height={260}>
      {() => (
        <>
          {none ? (
            <Text c="dimmed">{t('history.none')}</Text>
          ) : (
            <TimeFigure
              kind="steps"
              title={t('history.countsLabel')}
              names={[layout.junction_name]}
              {...chart}
              zone={zone}
              unit={t('history.perQuarter')}
            />
          )}
          {/* Days before the last one may have some. */}
          <Group mt="xs">
            <SaveSpan file={file} />
          </Group>
        </>
      )}
    </Fetched>
  );
}
