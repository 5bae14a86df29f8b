import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, data } from '@/api/client';
import { clock } from '@/api/clock';
import type { Place } from './place';
import { isOver, type Span, type Width } from './span';

/** Counts come every few seconds; pictures of days need not follow each of them, milliseconds. */
const STALE_MS = 60_000;
/** A day that still runs is fetched again so often, milliseconds. */
const AGAIN_MS = 3 * 60_000;

/** Who leaves the page open sees the day go on; once an answer came after the last day has ended nothing more is to be expected. */
const followed = ({ zone }: Place, { to }: Span) => ({
  staleTime: STALE_MS,
  refetchInterval: ({ state: { dataUpdatedAt } }: { state: { dataUpdatedAt: number } }) =>
    dataUpdatedAt > 0 && !isOver(zone, to, dataUpdatedAt - clock.aheadMs()) ? AGAIN_MS : (false as const),
});

/** What was answered before stays in sight meanwhile, marked as such. */
const common = (place: Place, span: Span) => ({ ...followed(place, span), placeholderData: keepPreviousData });

/** An answer with the server's time at which it came: what had not begun then nobody could watch. */
const timed = async <T extends object>(answer: Promise<T>): Promise<T & { fetchedAt: number }> => ({
  ...(await answer),
  fetchedAt: clock.there(),
});

const key = (place: Place, ...what: (string | null | undefined)[]) => ['junction', place.id, 'analysis', ...what];

export const volumesOptions = (place: Place, { from, to }: Span, bucket: Width) => ({
  queryKey: key(place, 'volumes', from, to, bucket),
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    timed(
      data(
        api.GET('/api/analytics/junction/{junction_id}/volumes', {
          params: { path: { junction_id: place.id }, query: { from, to, bucket } },
          signal,
        }),
      ),
    ),
  ...followed(place, { from, to }),
});

export const useVolumes = (place: Place, span: Span, bucket: Width) =>
  useQuery({ ...volumesOptions(place, span, bucket), ...common(place, span) });

export const usePeaks = (place: Place, query: Span) =>
  useQuery({
    queryKey: key(place, 'peaks', query.from, query.to),
    queryFn: ({ signal }) =>
      data(
        api.GET('/api/analytics/junction/{junction_id}/peak-hours', {
          params: { path: { junction_id: place.id }, query },
          signal,
        }),
      ),
    ...common(place, query),
  });

export const useDays = (place: Place, query: Span) =>
  useQuery({
    queryKey: key(place, 'days', query.from, query.to),
    queryFn: ({ signal }) =>
      data(
        api.GET('/api/analytics/junction/{junction_id}/daily', {
          params: { path: { junction_id: place.id }, query },
          signal,
        }),
      ),
    ...common(place, query),
  });

export const useSplits = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'splits', from, to, bucket),
    queryFn: ({ signal }) =>
      timed(
        data(
          api.GET('/api/analytics/junction/{junction_id}/splits', {
            params: { path: { junction_id: place.id }, query: { from, to, bucket } },
            signal,
          }),
        ),
      ),
    ...common(place, { from, to }),
  });

export const useEnds = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'ends', from, to, bucket),
    queryFn: ({ signal }) =>
      timed(
        data(
          api.GET('/api/analytics/junction/{junction_id}/stage-ends', {
            params: { path: { junction_id: place.id }, query: { from, to, bucket } },
            signal,
          }),
        ),
      ),
    ...common(place, { from, to }),
  });

export const useQueues = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'queues', from, to, bucket),
    queryFn: ({ signal }) =>
      timed(
        data(
          api.GET('/api/analytics/junction/{junction_id}/queues', {
            params: { path: { junction_id: place.id }, query: { from, to, bucket } },
            signal,
          }),
        ),
      ),
    ...common(place, { from, to }),
  });

/** The server's own export of a span, as a file. */
export async function exported(place: Place, what: 'counts' | 'cycles' | 'daily', { from, to }: Span): Promise<Blob> {
  const file: unknown = await data(
    api.GET('/api/analytics/junction/{junction_id}/export', {
      params: { path: { junction_id: place.id }, query: { what, from, to } },
      parseAs: 'blob',
    }),
  );
  return file as Blob;
}
