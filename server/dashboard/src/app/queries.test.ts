import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Frame, StatusFrame } from '@/live/frames';
import { outdatedBy, refetching } from './queries';

/** Whether what was fetched under a key is to be fetched again after a frame. */
function outdates(frame: Frame, key: string[]): boolean {
  const client = new QueryClient();
  client.setQueryData(key, []);
  for (const queryKey of outdatedBy(frame)) void client.invalidateQueries({ queryKey });
  return client.getQueryState(key)?.isInvalidated ?? false;
}

describe('what a status makes out of date', () => {
  const status = (online: boolean) => ({ type: 'status', junction_id: 'j', device_id: 'd', online }) as StatusFrame;

  it('is the city when a device has gone: only the server knows which are left', () => {
    expect(outdates(status(false), ['junctions', 'overview'])).toBe(true);
    expect(outdates(status(false), ['devices', 'all'])).toBe(true);
  });

  it('is not the city each half minute that a device is there', () => {
    expect(outdates(status(true), ['junctions', 'overview'])).toBe(false);
    expect(outdates(status(true), ['devices', 'all'])).toBe(false);
  });

  it('is the page of the device, and no other', () => {
    expect(outdates(status(true), ['devices', 'd'])).toBe(true);
    expect(outdates(status(true), ['devices', 'other'])).toBe(false);
  });
});

it('the history of plans follows what is sent, and what the road says of it', () => {
  const history = ['junction', 'j', 'plans', 'pages'];
  expect(outdates({ type: 'green_time', junction_id: 'j' }, history)).toBe(true);
  expect(outdates({ type: 'green_time', junction_id: 'k' }, history)).toBe(false);
  expect(outdates({ type: 'status', junction_id: 'j', device_id: 'd', online: true }, history)).toBe(true);
});

it('what may be seen has changed with the rights, and who may do what', () => {
  for (const key of [['me', 'access'], ['junctions', 'overview'], ['junction', 'j', 'plan'], ['alarms']])
    expect(outdates({ type: 'rights' }, key)).toBe(true);
});

describe('a storm of alarms', () => {
  const alarm = { type: 'alarm', junction_id: 'j' } as Frame;
  let begun: number;
  let cut: number;
  let leave: () => void;
  let client: QueryClient;

  beforeEach(async () => {
    vi.useFakeTimers();
    begun = cut = 0;
    client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
    // The server takes its time: each answer tells how many were asked for.
    leave = new QueryObserver(client, {
      queryKey: ['alarms', 'open'],
      queryFn: ({ signal }) => {
        signal.addEventListener('abort', () => cut++);
        const answer = ++begun;
        return new Promise<number>((done) => setTimeout(() => done(answer), 2500));
      },
    }).subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(2500);
  });

  afterEach(() => {
    leave();
    vi.useRealTimers();
  });

  const shown = () => client.getQueryData(['alarms', 'open']);

  it('cuts no fetch short: the list arrives while it lasts', async () => {
    const hear = refetching(client);
    for (let at = 0; at < 100; at++) {
      hear(alarm);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(cut).toBe(0);
    expect(shown()).toBeGreaterThan(2);
    expect(begun).toBeLessThanOrEqual(5);
  });

  it('is followed by one more fetch, and no further one', async () => {
    const hear = refetching(client);
    hear(alarm);
    await vi.advanceTimersByTimeAsync(1500);
    expect(begun).toBe(2);
    // What has begun may know nothing of this one.
    hear(alarm);
    await vi.advanceTimersByTimeAsync(20_000);
    expect([begun, shown(), cut]).toEqual([3, 3, 0]);
  });
});
