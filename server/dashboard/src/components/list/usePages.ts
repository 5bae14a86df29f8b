import { useInfiniteQuery } from '@tanstack/react-query';
import type { PageOf } from '@/api/client';

/** So many rows come at once. */
export const PAGE = 50;

/** Who leaves a list open sees no older one, milliseconds. */
const AGAIN_MS = 60_000;

interface Options {
  /** Fetches again after so long, milliseconds; a minute where it is not said. */
  refetchInterval?: number;
  enabled?: boolean;
}

/** A list that comes page by page; its key must be another than that of lists which are fetched whole. */
export function usePages<R>(
  queryKey: readonly unknown[],
  fetchPage: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<R>>,
  options: Options = {},
) {
  return useInfiniteQuery({
    queryKey: [...queryKey, 'pages'],
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    select: (found) => found.pages.flatMap((one) => one.rows),
    refetchInterval: AGAIN_MS,
    ...options,
  });
}
