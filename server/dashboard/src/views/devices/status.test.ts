import { describe, expect, it } from 'vitest';
import type { Device } from '@/api/types';
import { chosen, type DeviceStatus, nameOf, stateOf, TROUBLED, troublesOf } from './status';

const NOW = Date.parse('2026-02-10T08:00:00Z');
const device = (more: Partial<Device>): Device => ({
  device_id: '11111111-2222-3333-4444-555555555555',
  junction_id: 'j1',
  device_type: 'junction',
  device_name: null,
  lanes: [],
  status: 'offline',
  online: false,
  created_at: '2026-02-01T00:00:00Z',
  enrolled: false,
  ...more,
});

describe('the state of a device', () => {
  it.each<[Partial<Device>, string]>([
    [{ online: true, status: 'online' }, 'online'],
    [{ last_heartbeat: '2026-02-10T07:00:00Z' }, 'offline'],
    [{ online: true, status: 'error' }, 'fault'],
    [{ online: true, status: 'maintenance' }, 'maintenance'],
    [{ online: true, status: 'online', revoked_at: '2026-02-09T00:00:00Z' }, 'revoked'],
    [{ token_until: '2026-02-10T09:00:00Z' }, 'waiting'],
    [{ token_until: '2026-02-10T07:00:00Z' }, 'unheard'],
    [{}, 'unheard'],
  ])('%j is %s', (more, state) => {
    expect(stateOf(device(more), NOW)).toBe(state);
  });
});

describe('troubles', () => {
  const well: DeviceStatus = {
    device_id: 'd',
    online: true,
    clock: 'synced',
    outbox: { rows: 3, oldest_s: 2, bytes: 1, dropped: 0, parked: 0 },
    readers: [{ name: 'a', state: 'up', reads_per_s: 1, bad_frames: 0, dropped_bytes: 0 }],
    controller: { state: 'green', mode: 'automatic', fault: null },
  };

  it('are none of a device that is well, or that has said nothing', () => {
    expect(troublesOf(well)).toEqual([]);
    expect(troublesOf(null)).toEqual([]);
    expect(troublesOf({ device_id: 'd', online: false })).toEqual([]);
  });

  it('are named, the gravest first', () => {
    expect(
      troublesOf({
        ...well,
        clock: 'unsynced',
        outbox: { rows: 3, oldest_s: 121, bytes: 1, dropped: 1, parked: 2 },
        readers: [{ name: 'a', state: 'silent', reads_per_s: 0, bad_frames: 0, dropped_bytes: 0 }],
        controller: { state: 'flash', mode: 'automatic', fault: 'interlock' },
        link: { failures: 1, taken_over_s: 4 },
      }),
    ).toEqual(['fault', 'reader', 'clock', 'outbox', 'parked', 'dropped', 'takenOver']);
  });
});

describe('a choice of devices', () => {
  const rows = [
    device({ device_id: 'a', device_name: 'Mast 2', online: true, status: 'online', software_version: '0.2.0' }),
    device({ device_id: 'b', device_name: 'Mast 1', online: true, status: 'online', junction_id: 'j2' }),
    device({ device_id: 'c', online: true, status: 'error' }),
  ];
  const names = (wanted: Partial<Parameters<typeof chosen>[1]>) =>
    chosen(rows, { search: '', state: null, junction: null, ...wanted }, (id) => `Junction ${id}`, NOW).map(nameOf);

  it('begins with what needs somebody, then goes by name', () => {
    expect(names({})).toEqual(['c', 'Mast 1', 'Mast 2']);
  });

  it('goes by name, id, junction, version and state', () => {
    expect(names({ search: ' mast ' })).toEqual(['Mast 1', 'Mast 2']);
    expect(names({ search: 'junction J2' })).toEqual(['Mast 1']);
    expect(names({ search: '0.2' })).toEqual(['Mast 2']);
    expect(names({ state: 'fault' })).toEqual(['c']);
    expect(names({ junction: 'j2', state: 'online' })).toEqual(['Mast 1']);
    expect(names({ search: 'nothing' })).toEqual([]);
  });

  it('has what is online and not well before what waits or is well', () => {
    const outbox = { rows: 9, oldest_s: 1, bytes: 1, dropped: 1, parked: 0 };
    const last_status = { device_id: 'd', online: true, outbox };
    const all = [
      ...rows,
      device({ device_id: 'd', device_name: 'Zebra', online: true, status: 'online', last_status }),
      device({ device_id: 'e', device_name: 'Gone', last_heartbeat: '2026-02-10T07:00:00Z', last_status }),
      device({ device_id: 'f', device_name: 'Bench', status: 'maintenance', online: true, last_status }),
      device({ device_id: 'g', device_name: 'New' }),
    ];
    const these = (state: string | null) =>
      chosen(all, { search: '', state, junction: null }, (id) => id, NOW).map(nameOf);
    expect(these(null)).toEqual(['c', 'Gone', 'Zebra', 'Bench', 'New', 'Mast 1', 'Mast 2']);
    expect(these(TROUBLED)).toEqual(['c', 'Zebra']);
    expect(these('online')).toEqual(['Zebra', 'Mast 1', 'Mast 2']);
  });
});
