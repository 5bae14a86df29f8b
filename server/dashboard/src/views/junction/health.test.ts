import { describe, expect, it } from 'vitest';
import type { Device } from '@/api/types';
import type { StatusFrame } from '@/live/frames';
import type { HeardStatus } from '@/live/store';
import { isPresent, learnedOf, leftOf, modeToldBy, toldBy } from './health';

const FETCHED = Date.parse('2026-01-01T00:10:00Z');
const device = (device_id: string, change: Partial<Device> = {}): Device =>
  ({
    device_id,
    online: true,
    last_heartbeat: '2026-01-01T00:09:50Z',
    last_status: { device_id, online: true, software_version: 'fetched' },
    ...change,
  }) as Device;
const live = (device_id: string, frame: object, at: number): [string, HeardStatus] => [
  device_id,
  { at, frame: { device_id, online: true, software_version: 'heard', ...frame } as unknown as StatusFrame },
];
const versions = (devices: Device[], ...heard: [string, HeardStatus][]) =>
  toldBy(devices, FETCHED, new Map(heard)).map(
    ({ frame }) => (frame as { software_version?: string }).software_version,
  );

describe('what devices said last', () => {
  it('is what was heard, until something newer is fetched', () => {
    expect(versions([device('a')])).toEqual(['fetched']);
    expect(versions([device('a')], live('a', {}, FETCHED + 5000))).toEqual(['heard']);
    expect(versions([device('a')], live('a', {}, FETCHED - 60_000))).toEqual(['fetched']);
  });

  it('lacks devices that a newer list lacks, or that are revoked', () => {
    expect(versions([], live('gone', {}, FETCHED - 60_000))).toEqual([]);
    expect(versions([], live('new', {}, FETCHED + 5000))).toEqual(['heard']);
    expect(versions([device('a', { revoked_at: '2026-01-01T00:00:00Z' })])).toEqual([]);
  });

  it('stays when a last will says no more than that the device is gone', () => {
    const will = live('a', { online: false, software_version: undefined }, FETCHED + 1000);
    const [told] = toldBy([device('a', { last_status: { online: true, readers: [] } })], FETCHED, new Map([will]));
    expect(told).toMatchObject({ at: Date.parse('2026-01-01T00:09:50Z'), frame: { online: false, readers: [] } });
  });

  it('is present while the device is heard', () => {
    const told = (online: boolean, ageMs: number) => ({
      deviceId: 'a',
      frame: { online } as StatusFrame,
      at: FETCHED - ageMs,
    });
    expect(isPresent(told(true, 60_000), FETCHED)).toBe(true);
    expect(isPresent(told(true, 91_000), FETCHED)).toBe(false);
    expect(isPresent(told(false, 0), FETCHED)).toBe(false);
  });
});

it('what a device said of the seconds to come runs down while it says no more', () => {
  expect([0, 400, 1000, 5999, 6000, 60_000].map((ms) => leftOf(6, FETCHED, FETCHED + ms))).toEqual([6, 6, 5, 1, 0, 0]);
  // The page's clock ticks seldom.
  expect(leftOf(6, FETCHED, FETCHED - 500)).toBe(6);
  expect(leftOf(6, null, FETCHED)).toBe(6);
});

it('the mode is told by the controller that is there, not by a device that only counts', () => {
  const told = (deviceId: string, frame: object) => ({
    deviceId,
    at: FETCHED,
    frame: { online: true, ...frame } as unknown as StatusFrame,
  });
  const counter = told('counter', {});
  const gone = told('gone', { online: false, controller: { mode: 'automatic' } });
  const cabinet = told('cabinet', { controller: { mode: 'manual_override' } });
  expect(modeToldBy([counter, gone, cabinet])).toBe('manual_override');
  expect(modeToldBy([counter, gone])).toBeUndefined();
});

it('estimates of a lane are those that were told last, each with the age of its telling', () => {
  const told = (deviceId: string, ageS: number, lanes: object) => ({
    deviceId,
    at: FETCHED - ageS * 1000,
    frame: { online: true, estimates: { lanes } } as unknown as StatusFrame,
  });
  const learned = learnedOf(
    [told('new', 5, { N: { headway_s: { value: 2 } } }), told('old', 50, { N: { headway_s: { value: 3 } }, S: {} })],
    FETCHED,
  );
  expect(learned.get('N')).toEqual({ estimates: { headway_s: { value: 2 } }, toldS: 5 });
  expect(learned.get('S')?.toldS).toBe(50);
});
