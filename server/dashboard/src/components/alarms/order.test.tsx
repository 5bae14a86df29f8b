import { useQueryClient } from '@tanstack/react-query';
import { act, fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, expect, it } from 'vitest';
import type { Alarm } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Alarms } from '@/views/alarms/Alarms';
import { AlarmList } from './AlarmList';

beforeAll(startTexts);

const alarm = (name: string, severity = 'warning', more: Partial<Alarm> = {}): Alarm => ({
  alarm_id: name,
  severity,
  kind: 'disk',
  junction_id: name,
  junction_name: name,
  message: 'x',
  detail: {},
  opened_at: '2026-02-10T03:00:00Z',
  ...more,
});

/** A list, the alarms that are open, and the names that it shows. */
async function start(list: React.ReactNode, alarms: Alarm[]) {
  let open = alarms;
  answerWith(({ pathname }, { method }) => {
    const id = /^\/api\/alarms\/(\w+)\/acknowledge$/.exec(pathname)?.[1];
    if (method === 'POST' && id) open = open.filter(({ alarm_id }) => alarm_id !== id);
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    return pathname === '/api/alarms' ? open : method === 'POST' ? {} : [];
  });
  let again = (): Promise<void> => Promise.resolve();
  function Fetching() {
    const client = useQueryClient();
    return (
      <button onClick={() => void (again = () => client.invalidateQueries({ queryKey: ['alarms'] }))}>know</button>
    );
  }
  render(
    <>
      <Fetching />
      {list}
    </>,
    { wrapper: ({ children }) => <Page at="/alarms?state=unnoticed">{children}</Page> },
  );
  fireEvent.click(screen.getByText('know'));
  const names = () => screen.getAllByText(/^Road/).map(({ textContent }) => textContent);
  await waitFor(() => expect(names()).toHaveLength(alarms.length));
  await screen.findAllByRole('button', { name: 'Acknowledge' });
  const comes = async (...now: Alarm[]) => {
    open = now;
    await act(again);
  };
  return { names, comes };
}

it.each([
  ['the city', <AlarmList key="a" />],
  ['all', <Alarms key="b" />],
])('the alarms of %s stay where they are under the pointer, and new ones come below', async (_, list) => {
  const { names, comes } = await start(list, [alarm('Road1'), alarm('Road2')]);
  const user = userEvent.setup();
  await user.hover(screen.getByText('Road2'));
  await comes(alarm('Road3', 'critical'), alarm('Road1'), alarm('Road2'));
  await waitFor(() => expect(names()).toEqual(['Road1', 'Road2', 'Road3']));
  await user.hover(screen.getByText('know'));
  expect(names()).toEqual(['Road3', 'Road1', 'Road2']);
});

it('neither do they move for who is at one by the keyboard', async () => {
  const { names, comes } = await start(<AlarmList />, [alarm('Road1'), alarm('Road2')]);
  while (document.activeElement?.textContent !== 'Road2') await userEvent.tab();
  await comes(alarm('Road3', 'critical'), alarm('Road1'), alarm('Road2'));
  await waitFor(() => expect(names()).toEqual(['Road1', 'Road2', 'Road3']));
  act(() => screen.getByText('know').focus());
  expect(names()).toEqual(['Road3', 'Road1', 'Road2']);
});

it('who takes notice by the keyboard where that takes the row away stays at the list', async () => {
  const { names } = await start(<Alarms />, [alarm('Road1'), alarm('Road2')]);
  const [first] = screen.getAllByRole('button', { name: 'Acknowledge' });
  first?.focus();
  const list = first?.closest('table')?.parentElement;
  await userEvent.keyboard('{Enter}');
  await waitFor(() => expect(names()).toEqual(['Road2']));
  expect(document.activeElement).toBe(list);
});
