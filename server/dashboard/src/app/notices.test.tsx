import { useQuery, useQueryClient } from '@tanstack/react-query';
import { act, renderHook, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { useLocation } from 'react-router';
import { beforeAll, expect, it } from 'vitest';
import type { Alarm } from '@/api/types';
import { openAlarms } from '@/components/alarms/open';
import { Notes } from '@/components/Notes';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { useUrgent } from './urgent';

beforeAll(startTexts);

const alarm = (alarm_id: string, more: Partial<Alarm> = {}): Alarm => ({
  alarm_id,
  severity: 'critical',
  kind: 'signal_fault',
  junction_id: `j${alarm_id}`,
  junction_name: `Road ${alarm_id}`,
  message: 'x',
  detail: {},
  opened_at: '2026-02-10T03:00:00Z',
  ...more,
});
const Around = ({ children }: { children: ReactNode }) => (
  <Page>
    <Notes />
    {children}
  </Page>
);

/** Somebody who looks on; no alarm is open yet. */
async function looksOn() {
  answerWith(() => []);
  const { result, unmount } = renderHook(
    () => ({ count: useUrgent(), client: useQueryClient(), known: useQuery(openAlarms()).data, at: useLocation() }),
    { wrapper: Around },
  );
  const known = (alarms: readonly Alarm[]) => waitFor(() => expect(result.current.known).toEqual(alarms));
  await known([]);
  const open = async (...alarms: Alarm[]) => {
    act(() => void result.current.client.setQueryData(openAlarms().queryKey, alarms));
    await known(alarms);
  };
  const told = async (...titles: string[]) => {
    await waitFor(() => {
      const shown = screen.queryAllByText(/^Road|critical alarms$/);
      expect(shown.map(({ textContent }) => textContent)).toEqual(titles);
    });
  };
  return { result, open, told, unmount };
}

it('a notice goes when its alarm is over, or somebody has taken notice of it', async () => {
  const { open, told } = await looksOn();
  await open(alarm('1'), alarm('2'), alarm('3', { severity: 'error' }));
  await told('Road 1: Signal fault', 'Road 2: Signal fault');
  await open(alarm('1', { acknowledged_at: '2026-02-10T03:01:00Z' }), alarm('2'));
  await told('Road 2: Signal fault');
  await open();
  await told();
});

it('one that is closed does not come again, and nobody else is told after signing out', async () => {
  const { open, told, unmount } = await looksOn();
  await open(alarm('1'), alarm('2'));
  await told('Road 1: Signal fault', 'Road 2: Signal fault');
  await userEvent.click(screen.getAllByRole('button', { name: 'Close' })[0] as HTMLElement);
  await told('Road 2: Signal fault');
  await open(alarm('1'), alarm('2'), alarm('4'));
  await told('Road 2: Signal fault', 'Road 4: Signal fault');
  unmount();
  const next = await looksOn();
  await next.told();
});

it('many are one notice that says how many are left, and leads to them', async () => {
  const { result, open, told } = await looksOn();
  const many = ['1', '2', '3', '4'].map((id) => alarm(id));
  await open(...many.slice(0, 2));
  await told('Road 1: Signal fault', 'Road 2: Signal fault');
  await open(...many);
  await told('4 critical alarms');
  await open(...many.slice(1));
  await told('3 critical alarms');
  await userEvent.click(screen.getByRole('button', { name: 'Look at it' }));
  await told();
  expect(result.current.at.search).toBe('?state=unnoticed&severity=error');
  await open(...many.slice(1), alarm('5'));
  await told('Road 5: Signal fault');
});
