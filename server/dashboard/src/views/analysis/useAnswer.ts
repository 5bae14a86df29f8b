import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, data } from '@/api/client';
import type { Place } from './place';
import type { Span, Width } from './span';

/** Counts come every few seconds; pictures of days need not follow each of them, milliseconds. */
const STALE_MS = 60_000;

const common = { staleTime: STALE_MS, placeholderData: keepPreviousData };
const key = (place: Place, ...what: (string | null | undefined)[]) => ['junction', place.id, 'analysis', ...what];

export const volumesOptions = (place: Place, { from, to }: Span, bucket: Width) => ({
  queryKey: key(place, 'volumes', from, to, bucket),
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    data(
      api.GET('/api/analytics/junction/{junction_id}/volumes', {
        params: { path: { junction_id: place.id }, query: { from, to, bucket } },
        signal,
      }),
    ),
  staleTime: STALE_MS,
});

export const useVolumes = (place: Place, span: Span, bucket: Width) =>
  useQuery({ ...volumesOptions(place, span, bucket), ...common });

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
    ...common,
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
    ...common,
  });

export const useSplits = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'splits', from, to, bucket),
    queryFn: ({ signal }) =>
      data(
        api.GET('/api/analytics/junction/{junction_id}/splits', {
          params: { path: { junction_id: place.id }, query: { from, to, bucket } },
          signal,
        }),
      ),
    ...common,
  });

export const useEnds = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'ends', from, to, bucket),
    queryFn: ({ signal }) =>
      data(
        api.GET('/api/analytics/junction/{junction_id}/stage-ends', {
          params: { path: { junction_id: place.id }, query: { from, to, bucket } },
          signal,
        }),
      ),
    ...common,
  });

export const useQueues = (place: Place, { from, to }: Span, bucket: Width) =>
  useQuery({
    queryKey: key(place, 'queues', from, to, bucket),
    queryFn: ({ signal }) =>
      data(
        api.GET('/api/analytics/junction/{junction_id}/queues', {
          params: { path: { junction_id: place.id }, query: { from, to, bucket } },
          signal,
        }),
      ),
    ...common,
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
