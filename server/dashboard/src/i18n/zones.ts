import { DEFAULT_ZONE } from './format';

/** The zones of a city's junctions. */
export interface Zones {
  /** Zone of a junction; of what belongs to none, or to one that is not known, the city's. */
  of: (junctionId: string | null | undefined) => string;
  /** The zone of the city: that of most junctions. */
  city: string;
}

/** Zones by junction; `places` has the zone of each junction that is known. */
export function zonesOf(places: readonly { junction_id: string; time_zone: string }[]): Zones {
  const byJunction = new Map(places.map(({ junction_id, time_zone }) => [junction_id, time_zone]));
  const votes = new Map<string, number>();
  for (const zone of byJunction.values()) votes.set(zone, (votes.get(zone) ?? 0) + 1);
  // Of two with as many junctions the first by name, so that it does not change from one visit to the next.
  const [city = DEFAULT_ZONE] = [...votes.keys()].sort(
    (a, b) => (votes.get(b) ?? 0) - (votes.get(a) ?? 0) || (a < b ? -1 : 1),
  );
  return { of: (id) => byJunction.get(id ?? '') ?? city, city };
}

/** Whether rows stand in more than one zone, so that a time alone does not say when it was. */
export const isMixed = (zones: Zones, junctionIds: readonly (string | null | undefined)[]): boolean =>
  new Set(junctionIds.map(zones.of)).size > 1;
