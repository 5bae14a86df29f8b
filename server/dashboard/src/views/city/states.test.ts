import { describe, expect, it } from 'vitest';
import type { Overview } from '@/api/types';
import type { SignalFrame, StatusFrame } from '@/live/frames';
import type { JunctionLive } from '@/live/store';
import { isOnline, keepSame, needsAttention, select, stateOf } from './states';

const told = (at: number) => new Date(at).toISOString();
const row = (change: Partial<Overview> = {}): Overview => ({
  junction_id: 'j',
  junction_name: 'Station Road',
  city: 'Pune',
  latitude: 18.5,
  longitude: 73.8,
  time_zone: 'Asia/Kolkata',
  status: 'online',
  current_mode: 'automatic',
  signal: { t: told(98_000), state: 'green', stage: 'N', mode: 'automatic', plan_id: 'p' },
  signal_age_s: 2,
  fault: null,
  queue: 4,
  congestion: 0.1,
  vehicles_15_min: 20,
  open_alarms: 0,
  severity: null,
  ...change,
});
const quiet: JunctionLive = { signal: null, devices: new Map(), counts: [], version: 0 };
const heard = (frame: Partial<SignalFrame>, at: number): JunctionLive => ({
  ...quiet,
  signal: {
    frame: { t: told(at), state: 'amber', stage: 'S', mode: 'automatic', plan_id: 'p', ...frame } as SignalFrame,
    at,
  },
});
const said = (status: Partial<StatusFrame>, at = 0, device = 'd'): JunctionLive => ({
  ...quiet,
  devices: new Map([[device, { frame: { online: true, ...status } as StatusFrame, at }]]),
});
const both = (a: JunctionLive, b: JunctionLive): JunctionLive => ({
  ...quiet,
  devices: new Map([...a.devices, ...b.devices]),
});

describe('state of a junction', () => {
  it('is what was fetched until something newer is heard', () => {
    expect(stateOf(row(), 100_000, quiet, 101_000)).toMatchObject({
      kind: 'ok',
      stage: 'N',
      signal: 'green',
      staleS: null,
    });
    expect(stateOf(row(), 100_000, heard({}, 99_000), 101_000)).toMatchObject({ stage: 'S', signal: 'amber' });
    expect(stateOf(row(), 100_000, heard({}, 90_000), 101_000)).toMatchObject({ stage: 'N', signal: 'green' });
  });

  it('is what the junction told last, however long an answer took', () => {
    // By the time of the answer it would be of 99 s.
    const slow = row({ signal: { t: told(95_000), state: 'green', stage: 'N', mode: 'automatic' }, signal_age_s: 1 });
    expect(stateOf(slow, 100_000, heard({}, 98_000), 101_000)).toMatchObject({ stage: 'S', signal: 'amber' });
    expect(stateOf(slow, 100_000, heard({}, 94_000), 101_000)).toMatchObject({ stage: 'N', signal: 'green' });
  });

  it('shows no lamps of a junction that fell silent before the server started', () => {
    const kept = row({ signal: { t: told(100_000), state: 'green', stage: 'N', mode: 'automatic' }, signal_age_s: 1 });
    expect(stateOf(kept, 900_000, quiet, 900_000)).toMatchObject({ signal: null, staleS: 780 });
  });

  it('shows no lamps that nobody knows any more', () => {
    expect(stateOf(row(), 100_000, quiet, 120_000)).toMatchObject({ stage: null, signal: null, staleS: 20 });
    expect(stateOf(row({ signal: null, signal_age_s: null }), 0, quiet, 9e9)).toMatchObject({
      staleS: null,
      signal: null,
    });
  });

  it('puts the worst first', () => {
    const kind = (change: Partial<Overview>, live = quiet) => stateOf(row(change), 0, live, 0).kind;
    expect(kind({ status: 'offline', current_mode: 'emergency' })).toBe('offline');
    expect(kind({ current_mode: 'emergency' })).toBe('emergency');
    expect(kind({}, heard({ mode: 'manual_override' }, 0))).toBe('manual');
    expect(kind({ status: 'error', fault: 'conflict' })).toBe('fault');
    expect(kind({ fault: 'conflict' }, said({ controller: { fault: null } as StatusFrame['controller'] }))).toBe('ok');
  });

  it('is no tick where lamps flash, are dark, or are not known', () => {
    const shown = (state: string, now = 101_000, change: Partial<Overview> = {}) => {
      const signal = { t: told(98_000), state, stage: null, mode: 'automatic' };
      const found = stateOf(row({ signal, ...change }), 100_000, quiet, now);
      return [found.kind, needsAttention(found)];
    };
    expect(shown('green')).toEqual(['ok', false]);
    expect(shown('flash')).toEqual(['flash', true]);
    expect(shown('dark', 101_000, { current_mode: 'manual_override' })).toEqual(['dark', true]);
    expect(shown('green', 120_000)).toEqual(['unknown', true]);
    expect(shown('dark', 120_000)).toEqual(['unknown', true]);
    // What a person has set is known without the lamps.
    expect(shown('green', 120_000, { current_mode: 'emergency' })).toEqual(['emergency', true]);
    // Nobody has ever heard any.
    expect(stateOf(row({ signal: null, signal_age_s: null }), 100_000, quiet, 900_000).kind).toBe('unknown');
  });

  it('tells who runs no plan of the server, and where somebody works on the devices', () => {
    const signal = { t: told(98_000), state: 'green', stage: 'N', mode: 'automatic', plan_id: null };
    expect(stateOf(row({ signal }), 100_000, quiet, 101_000).kind).toBe('own');
    expect(stateOf(row({ signal }), 100_000, heard({}, 99_500), 101_000).kind).toBe('ok');
    const works = stateOf(row({ status: 'maintenance', signal: null, signal_age_s: null }), 100_000, quiet, 101_000);
    expect([works.kind, isOnline(works), needsAttention(works)]).toEqual(['maintenance', false, false]);
    expect(isOnline(stateOf(row({ status: 'offline' }), 100_000, quiet, 101_000))).toBe(false);
    expect(isOnline(stateOf(row(), 100_000, quiet, 101_000))).toBe(true);
  });

  it('takes the newest of what was fetched and what devices said', () => {
    const kind = (change: Partial<Overview>, live: JunctionLive) => stateOf(row(change), 100_000, live, 101_000).kind;
    // Heard before the row was fetched: the device has gone or come, or its fault has come or gone, since.
    expect(kind({ status: 'offline' }, said({ online: true }, 60_000))).toBe('offline');
    expect(kind({}, said({ online: false }, 60_000))).toBe('ok');
    const controller = { fault: 'conflict' } as StatusFrame['controller'];
    expect(kind({}, said({ controller }, 60_000))).toBe('ok');
    expect(kind({ current_mode: 'emergency' }, heard({ mode: 'automatic' }, 60_000))).toBe('emergency');
    // Heard at about the same time, or since.
    expect(kind({ status: 'offline' }, said({ online: true }, 99_000))).toBe('ok');
    expect(kind({}, said({ controller }, 99_000))).toBe('fault');
    // A counter that is heard takes no fault away from the controller beside it.
    expect(kind({ status: 'error', fault: 'conflict' }, said({}, 99_000))).toBe('fault');
    expect(kind({ current_mode: 'emergency' }, heard({ mode: 'automatic' }, 99_000))).toBe('ok');
  });

  it('is offline when the server says so, not when one of its devices has gone', () => {
    const kind = (change: Partial<Overview>, live: JunctionLive) => stateOf(row(change), 100_000, live, 101_000).kind;
    const gone = said({ online: false }, 120_000);
    // The other device has not been heard yet.
    expect(kind({}, gone)).toBe('ok');
    expect(kind({ status: 'offline' }, gone)).toBe('offline');
    expect(kind({ status: 'offline' }, both(gone, said({}, 120_000, 'e')))).toBe('ok');
    // Its fault is the controller's, which is still there.
    const fault = { status: 'error', fault: 'conflict' };
    expect(kind(fault, gone)).toBe('fault');
    const controller = { fault: null } as StatusFrame['controller'];
    expect(kind(fault, both(gone, said({ controller }, 120_000, 'e')))).toBe('ok');
  });

  it('calls a lane congested when half of its queue stays', () => {
    const level = (congestion: number | null) => stateOf(row({ congestion }), 0, quiet, 0).congestion;
    expect([null, 0, 0.2, 0.21, 0.5, 0.51, 1].map(level)).toEqual([null, 'low', 'low', 'mid', 'mid', 'high', 'high']);
  });
});

it('no queue is shown of a junction that is offline or silent', () => {
  const shown = (change: Partial<Overview>, now: number) => {
    const { queue, congestion } = stateOf(row({ congestion: 0.9, ...change }), 100_000, quiet, now);
    return [queue, congestion];
  };
  expect(shown({}, 101_000)).toEqual([4, 'high']);
  expect(shown({ status: 'offline' }, 101_000)).toEqual([null, null]);
  expect(shown({}, 120_000)).toEqual([null, null]);
  // It has no lamps: its counts are all that is heard.
  expect(shown({ signal: null, signal_age_s: null }, 120_000)).toEqual([4, 'high']);
});

describe('the list', () => {
  const states = [
    stateOf(row(), 0, quiet, 0),
    stateOf(
      row({ junction_id: 'k', junction_name: 'Mill Gate', current_mode: 'manual_override', congestion: 0.9 }),
      0,
      quiet,
      0,
    ),
    stateOf(row({ junction_id: 'l', junction_name: 'Temple Street', status: 'offline', city: 'Nashik' }), 0, quiet, 0),
  ];
  const names = (filter: Parameters<typeof select>[1], search = '') =>
    select(states, filter, search).map(({ name }) => name);

  it('is filtered and searched', () => {
    expect(names('all')).toHaveLength(3);
    expect(names('attention')).toEqual(['Temple Street']);
    expect(names('overridden')).toEqual(['Mill Gate']);
    expect(names('congested')).toEqual(['Mill Gate']);
    expect(names('all', ' nashik TEMPLE')).toEqual(['Temple Street']);
    expect(names('overridden', 'temple')).toEqual([]);
  });

  it('draws anew only what has changed', () => {
    const before = new Map(states.map((state) => [state.id, state]));
    expect(keepSame(before, stateOf(row(), 0, quiet, 1))).toBe(states[0]);
    const changed = stateOf(row({ open_alarms: 1, severity: 'critical' }), 0, quiet, 1);
    expect(keepSame(before, changed)).toBe(changed);
    expect(needsAttention(changed)).toBe(true);
  });
});
