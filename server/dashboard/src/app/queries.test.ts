import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import type { StatusFrame } from '@/live/frames';
import { outdatedBy } from './queries';

describe('what a status makes out of date', () => {
  /** Whether the city is to be fetched again after a device has said so. */
  const outdates = (online: boolean): boolean => {
    const client = new QueryClient();
    client.setQueryData(['junctions', 'overview'], []);
    const frame = { type: 'status', junction_id: 'j', device_id: 'd', online } as StatusFrame;
    for (const queryKey of outdatedBy(frame)) void client.invalidateQueries({ queryKey });
    return client.getQueryState(['junctions', 'overview'])?.isInvalidated ?? false;
  };

  it('is the city when a device has gone: only the server knows which are left', () => {
    expect(outdates(false)).toBe(true);
  });

  it('is not the city each half minute that a device is there', () => {
    expect(outdates(true)).toBe(false);
  });
});
