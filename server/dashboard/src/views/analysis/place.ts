import type { Layout } from '@/api/types';

/** The junction that is looked at. */
export interface Place {
  id: string;
  name: string;
  zone: string;
  lanes: { id: string; name: string }[];
  stages: string[];
  /** The present day there. */
  today: string;
}

/** A lane's name; one that is gone from the junction has none any more. */
export const laneName = (place: Place, id: string): string =>
  place.lanes.find((lane) => lane.id === id)?.name ?? id.slice(0, 8);

export const placeOf = (layout: Layout, zone: string, today: string): Place => ({
  id: layout.junction_id,
  name: layout.junction_name,
  zone,
  lanes: [...layout.lanes]
    .sort((a, b) => a.lane_index - b.lane_index)
    .map(({ lane_id, lane_name }) => ({ id: lane_id, name: lane_name })),
  stages: layout.stages.map(({ stage }) => stage),
  today,
});
