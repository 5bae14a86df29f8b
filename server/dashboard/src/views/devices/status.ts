import { clock } from '@/api/clock';
import type { Device } from '@/api/types';
import { byName } from '@/i18n/byName';

/** A reader, as its device tells of it. */
export interface ReaderStatus {
  name: string;
  state: 'up' | 'down' | 'silent';
  reads_per_s: number;
  bad_frames: number;
  dropped_bytes: number;
  protocol?: string;
  baud?: number;
  detail?: string;
}

/** What a device says of itself; the last will has only the first two. */
export interface DeviceStatus {
  device_id: string;
  online: boolean;
  software_version?: string;
  uptime_s?: number;
  clock?: 'synced' | 'unsynced';
  link?: { failures: number; cause?: string; taken_over_s?: number };
  outbox?: { rows: number; oldest_s: number; bytes: number; dropped: number; parked: number };
  readers?: ReaderStatus[];
  controller?: { state: string; mode: string; fault: string | null };
}

/** The last status of a device; null: it has not been heard. */
export const statusOf = (device: Device): DeviceStatus | null =>
  (device.last_status as DeviceStatus | null | undefined) ?? null;

/** How a device is, as a person asks for it. */
export type DeviceState = 'online' | 'offline' | 'fault' | 'maintenance' | 'revoked' | 'waiting' | 'unheard';

/** What the filter has beside the states: devices that are online and not well, and those with a fault. */
export const TROUBLED = 'troubled';

/** All states, the ones that need somebody first. */
export const STATES: readonly DeviceState[] = [
  'fault',
  'offline',
  'maintenance',
  'unheard',
  'waiting',
  'online',
  'revoked',
];

/** How a device is at `now`, milliseconds. */
export function stateOf(device: Device, now: number): DeviceState {
  if (device.revoked_at) return 'revoked';
  if (device.status === 'error') return 'fault';
  if (device.status === 'maintenance') return 'maintenance';
  if (device.online) return 'online';
  if (device.last_heartbeat) return 'offline';
  return device.token_until && clock.here(device.token_until) > now ? 'waiting' : 'unheard';
}

/** Rows that wait for so long although the device is online do not get through, seconds. */
const LONG_WAIT_S = 120;

/** Something about a device that a technician should see to. */
export type Trouble = 'reader' | 'clock' | 'outbox' | 'parked' | 'dropped' | 'takenOver' | 'fault';

/** What is wrong with a device by its status. */
export function troublesOf(status: DeviceStatus | null): Trouble[] {
  if (!status) return [];
  const { readers = [], outbox, clock, link, controller } = status;
  const found: [Trouble, boolean][] = [
    ['fault', Boolean(controller?.fault)],
    ['reader', readers.some((reader) => reader.state !== 'up')],
    ['clock', clock === 'unsynced'],
    ['outbox', (outbox?.oldest_s ?? 0) > LONG_WAIT_S],
    ['parked', (outbox?.parked ?? 0) > 0],
    ['dropped', (outbox?.dropped ?? 0) > 0],
    ['takenOver', link?.taken_over_s !== undefined],
  ];
  return found.filter(([, is]) => is).map(([trouble]) => trouble);
}

/** A device by its name for people, or by the beginning of its id. */
export const nameOf = (device: Pick<Device, 'device_id' | 'device_name'>): string =>
  device.device_name ?? device.device_id.slice(0, 8);

/** Whether a device says now that something is wrong with it; what one told that is gone may be over. */
const isTroubled = (device: Device, state: DeviceState): boolean =>
  state === 'fault' || (state === 'online' && troublesOf(statusOf(device)).length > 0);

/** Devices that match a search by name, id, junction or version, and have a state; those that need somebody first. */
export function chosen(
  devices: readonly Device[],
  wanted: { search: string; state: string | null; junction: string | null },
  junctionName: (id: string) => string,
  now: number,
): Device[] {
  const search = wanted.search.trim().toLowerCase();
  const matches = (device: Device) =>
    search === '' ||
    [device.device_name ?? '', device.device_id, junctionName(device.junction_id), device.software_version ?? ''].some(
      (text) => text.toLowerCase().includes(search),
    );
  // What is online and not well comes behind what is gone, before all that waits or is well.
  const rankOf = (state: DeviceState, troubled: boolean) =>
    state === 'online' && troubled ? STATES.indexOf('offline') + 0.5 : STATES.indexOf(state);
  return devices
    .filter((device) => !wanted.junction || device.junction_id === wanted.junction)
    .map((device) => {
      const state = stateOf(device, now);
      const troubled = isTroubled(device, state);
      return { device, state, troubled, rank: rankOf(state, troubled), name: nameOf(device) };
    })
    .filter(({ state, troubled }) => !wanted.state || (wanted.state === TROUBLED ? troubled : state === wanted.state))
    .filter(({ device }) => matches(device))
    .sort((a, b) => a.rank - b.rank || byName(a.name, b.name))
    .map(({ device }) => device);
}
