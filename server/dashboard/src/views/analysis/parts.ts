import { type Scheme, seriesColour, seriesDash, seriesTexture } from '@/components/plot/palette';
import type { PlotSeries } from '@/components/plot/series';
import { saveFile, fileName } from '@/components/files';
import type { Place } from './place';
import { laneName } from './place';
import type { Span } from './span';
import { exported } from './useAnswer';

/** How the series at a place of the junction looks: the same in every picture. */
export const looks = (index: number, scheme: Scheme) => ({
  colour: seriesColour(index, scheme),
  dash: seriesDash(index),
  texture: seriesTexture(index),
});

/** A series for each lane, in their order; lanes that are gone but have values follow. */
export function laneSeries<B extends { lanes: readonly { lane_id: string }[] }>(
  place: Place,
  buckets: readonly B[],
  scheme: Scheme,
  value: (lane: B['lanes'][number]) => number | null | undefined,
  only: string | null = null,
): PlotSeries[] {
  const ids = buckets[0]?.lanes.map(({ lane_id }) => lane_id) ?? [];
  return ids
    .map((id, at): PlotSeries & { id: string } => ({
      id,
      label: laneName(place, id),
      values: buckets.map(({ lanes }) => {
        const lane = lanes.find(({ lane_id }) => lane_id === id);
        return lane ? (value(lane) ?? null) : null;
      }),
      ...looks(at, scheme),
    }))
    .filter(({ id }) => only === null || id === only);
}

/** A series for each stage, in their order. */
export function stageSeries<S extends { stage: string }>(
  stages: readonly string[],
  buckets: readonly { stages: readonly S[] }[],
  scheme: Scheme,
  value: (stage: S) => number,
): PlotSeries[] {
  return stages.map((name, at) => ({
    label: name,
    values: buckets.map((bucket) => {
      const found = bucket.stages.find(({ stage }) => stage === name);
      return found ? value(found) : null;
    }),
    ...looks(at, scheme),
  }));
}

/** Junction, lanes where they may be chosen, and span, as pictures and files name them. */
export const namesOf = (place: Place, { from, to }: Span, lane: string[] = []): string[] => [
  place.name,
  ...lane,
  from === to ? from : `${from} – ${to}`,
];

/** A file that the server makes of all rows of a span. */
export const serverFile = (place: Place, what: 'counts' | 'cycles' | 'daily', span: Span, label: string) => ({
  label,
  save: async () =>
    saveFile(`${fileName(place.name, what, span.from, span.to)}.csv`, await exported(place, what, span), 'text/csv'),
});
