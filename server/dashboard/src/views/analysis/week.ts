import type { components } from '@/api/schema';

export type Weekday = components['schemas']['Weekday'];
type HourMean = components['schemas']['HourMean'];

export const WEEKDAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Means of a lane, or of all of them (null), by weekday and hour; what is missing was not watched. */
export function weekOf(hours: readonly HourMean[], lane: string | null): Map<string, number> {
  const found = new Map<string, number>();
  for (const { weekday, hour, vehicle_count, lanes } of hours) {
    const mean = lane === null ? vehicle_count : lanes.find(({ lane_id }) => lane_id === lane)?.vehicle_count;
    if (mean != null) found.set(`${weekday} ${hour}`, mean);
  }
  return found;
}
