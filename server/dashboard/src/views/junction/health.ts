import { clock } from '@/api/clock';
import type { Device } from '@/api/types';
import type { LaneEstimates, StatusFrame } from '@/live/frames';
import { type HeardStatus, isNewer } from '@/live/store';

/** Statuses come every 30 s: after three periods without one a device counts as gone, milliseconds. */
const GONE_MS = 90_000;

/** What a device of the junction said last. */
export interface Told {
  deviceId: string;
  frame: StatusFrame;
  /** When it was last heard, milliseconds; null: not known. */
  at: number | null;
}

/** What each device said last, by what was fetched at `fetchedAt` and what was heard since. */
export function toldBy(
  devices: readonly Device[] | undefined,
  fetchedAt: number,
  live: ReadonlyMap<string, HeardStatus>,
): Told[] {
  const told = new Map<string, Told>();
  for (const device of devices ?? []) {
    if (!device.last_status || device.revoked_at) continue;
    const frame = { ...(device.last_status as unknown as StatusFrame), online: device.online };
    const at = device.last_heartbeat ? clock.here(device.last_heartbeat) : null;
    told.set(device.device_id, { deviceId: device.device_id, frame, at });
  }
  for (const [deviceId, { frame, at }] of live) {
    // A device that the junction has no more is in no newer list.
    if (!isNewer(at, fetchedAt)) continue;
    const before = told.get(deviceId);
    // A last will says nothing but that the device is gone: what it said before is still worth seeing.
    if (frame.online) told.set(deviceId, { deviceId, frame, at });
    else told.set(deviceId, { deviceId, at: before?.at ?? null, frame: { ...before?.frame, ...frame } });
  }
  return [...told.values()];
}

/** Whether what a device said holds at `now`: it is there and was heard of late. */
export const isPresent = ({ frame, at }: Told, now: number): boolean =>
  frame.online && (at === null || now - at <= GONE_MS);

/** Seconds that are left of what a device told so long for, when it was heard at `at`: it tells no more while that only runs down. */
export const leftOf = (toldS: number, at: number | null, now: number): number =>
  Math.max(0, Math.ceil(toldS - (at === null ? 0 : Math.max(0, now - at) / 1000)));

/** Who has command of the lamps, by the controller of a junction. */
export const controlToldBy = (told: readonly Told[]) =>
  told.find(({ frame: { online, controller } }) => online && controller)?.frame.controller?.control;

/** The mode that the controller of a junction tells; a device that only counts knows of none. */
export const modeToldBy = (told: readonly Told[]) =>
  told.find(({ frame: { online, controller } }) => online && controller)?.frame.controller?.mode;

/** What is estimated of a lane, and how long ago it was told. */
export interface LaneLearned {
  estimates: LaneEstimates;
  /** Seconds; ages of estimates are counted from then. */
  toldS: number;
}

/** What the devices have learned of each lane, by its name; of two devices at a lane what the one said last. */
export function learnedOf(told: readonly Told[], now: number): Map<string, LaneLearned> {
  const learned = new Map<string, LaneLearned>();
  for (const { frame, at } of [...told].sort((a, b) => (a.at ?? 0) - (b.at ?? 0)))
    for (const [lane, estimates] of Object.entries(frame.estimates?.lanes ?? {}))
      learned.set(lane, {
        estimates: { ...learned.get(lane)?.estimates, ...estimates },
        toldS: at === null ? 0 : Math.max(0, Math.floor((now - at) / 1000)),
      });
  return learned;
}
