import { queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { byName } from '@/i18n/byName';
import { type Zones, zonesOf } from '@/i18n/zones';
import { all, api, page, tagged } from './client';
import type { Junction } from './types';

const junctionsOptions = queryOptions({
  queryKey: ['junctions', 'list'],
  queryFn: async ({ signal }) => {
    const rows = await all((cursor) =>
      page(api.GET('/api/junctions/', { params: { query: { limit: 500, cursor } }, signal })),
    );
    return rows.sort((a, b) => byName(a.junction_name, b.junction_name));
  },
  staleTime: 60_000,
  refetchInterval: 60_000,
});

/** The junctions that the user may look at, by name. */
export const useJunctions = () => useQuery(junctionsOptions);

const optionsOf = (rows: Junction[]) =>
  rows.map(({ junction_id, junction_name }) => ({ value: junction_id, label: junction_name }));

/** Junctions to choose from, by name: the same ones, and nothing is drawn anew, as long as none has another name, whatever else of them changes. */
export const useJunctionOptions = () => useQuery({ ...junctionsOptions, select: optionsOf });

/** Names of junctions; one that the user may not look at, or that is gone, has the beginning of its id. */
export function useJunctionNames(): (id: string) => string {
  const { data: junctions } = useJunctionOptions();
  return useMemo(() => {
    const names = new Map(junctions?.map(({ value, label }) => [value, label]));
    return (id) => names.get(id) ?? id.slice(0, 8);
  }, [junctions]);
}

/** Every junction at a glance, by name. */
export const overviewOptions = queryOptions({
  queryKey: ['junctions', 'overview'],
  queryFn: async ({ signal }) => {
    const rows = await all((cursor) =>
      page(api.GET('/api/overview', { params: { query: { limit: 500, cursor } }, signal })),
    );
    return rows.sort((a, b) => byName(a.junction_name, b.junction_name));
  },
});

/** The zones of the junctions that the user may look at, and of the city. */
export function useZones(): Zones {
  // A junction does not move to another zone while somebody looks.
  const { data: junctions } = useQuery({ ...overviewOptions, staleTime: 300_000 });
  return useMemo(() => zonesOf(junctions ?? []), [junctions]);
}

/** Lanes, groups, stages, limits and time zone of a junction. */
export const layoutOptions = (id: string) =>
  queryOptions({
    queryKey: ['junction', id, 'layout'],
    queryFn: ({ signal }) =>
      tagged(api.GET('/api/junctions/{junction_id}/layout', { params: { path: { junction_id: id } }, signal })),
    staleTime: 60_000,
  });

/** The layout of a junction, again each minute: that somebody has changed it nothing tells. Null: none is chosen yet. */
export const useLayout = (id: string | null) =>
  useQuery({ ...layoutOptions(id ?? ''), enabled: id !== null, refetchInterval: 60_000 });
