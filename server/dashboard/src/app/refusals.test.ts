import { notifications, notificationsStore } from '@mantine/notifications';
import { MutationObserver, QueryClient } from '@tanstack/react-query';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Frame } from '@/live/frames';
import { tellRefusals } from './refusals';

const told = () => notificationsStore.getState().notifications.map(({ title, message }) => [title, message]);

describe('a refusal after the view was left', () => {
  let client: QueryClient;
  let hear: (frame: Frame) => void;
  beforeEach(() => {
    notifications.clean();
    client = new QueryClient();
    hear = tellRefusals(client);
  });
  const act = (answer: () => Promise<unknown>) => {
    const observer = new MutationObserver(client, {
      mutationKey: ['mode', 'j'],
      mutationFn: answer,
      meta: { what: (name) => `${String(name)} is refused`, refusal: (data) => (data as { no?: string }).no ?? null },
    });
    const leave = observer.subscribe(() => undefined);
    return { leave, sent: observer.mutate('It' as never).catch(() => undefined) };
  };

  it('is told, with what was refused and why', async () => {
    const { leave, sent } = act(() => Promise.reject(new Error('Not at the moment')));
    leave();
    await sent;
    expect(told()).toEqual([['It is refused', 'Not at the moment']]);
  });

  it('is told when the server took it and the road did not', async () => {
    const { leave, sent } = act(() => Promise.resolve({ no: 'amber' }));
    leave();
    await sent;
    expect(told()).toEqual([['It is refused', 'amber']]);
  });

  it('is not told twice to who is still there', async () => {
    await act(() => Promise.reject(new Error('Not at the moment'))).sent;
    expect(told()).toEqual([]);
  });

  it('is told when the road answers late', async () => {
    const { leave, sent } = act(() => Promise.resolve({ plan_id: 'o' }));
    await sent;
    const refused = {
      type: 'override',
      junction_id: 'j',
      override_id: 'o',
      end_reason: 'refused',
      road_reasons: ['a'],
    };
    hear(refused as unknown as Frame);
    expect(told()).toEqual([]);
    leave();
    hear({ ...refused, override_id: 'of somebody else' } as unknown as Frame);
    hear(refused as unknown as Frame);
    expect(told()).toEqual([['It is refused', 'a']]);
  });
});
