import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import type { Frame, StatusFrame } from '@/live/frames';
import { outdatedBy } from './queries';

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
