import { useQuery } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { useState } from 'react';
import { Route, Routes } from 'react-router';
import { beforeAll, expect, it } from 'vitest';
import type { Device, Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Rows } from './list/Rows';
import { KeepingCard } from '@/views/device/KeepingCard';
import { Devices } from '@/views/devices/Devices';
import { draftOf } from '@/views/layout/draft';
import { Groups } from '@/views/layout/Groups';
import { Lanes } from '@/views/layout/Lanes';
import { RoleControl } from '@/views/person/RoleControl';
import { Holidays } from '@/views/schedule/Holidays';
import { ScheduleView } from '@/views/schedule/ScheduleView';
import { Links } from '@/views/setup/Links';
import { Watchlist } from '@/views/watchlist/Watchlist';

beforeAll(startTexts);

const wait = { timeout: 10_000 };
const press = (button: HTMLElement) => {
  button.focus();
  fireEvent.click(button);
};
const layout = {
  junction_id: 'j',
  junction_name: 'j',
  lanes: ['n', 's'].map((name, lane_index) => ({ lane_id: name, lane_name: name, lane_index })),
  stages: [],
} as unknown as Layout;

function Year() {
  const [holidays, change] = useState([{ date: '2026-08-15', name: 'Independence Day' }]);
  return <Holidays label="Holidays" holidays={holidays} change={change} />;
}

function Road() {
  const [draft, change] = useState(() => draftOf(layout));
  return <Lanes draft={draft} change={change} error={null} admin />;
}

it.each([
  ['holidays', 'Remove: Independence Day', <Year key="a" />],
  ['lanes', 'Remove: n', <Road key="b" />],
])('who removes one of the %s by the keyboard stays at the list', (_what, name, shown) => {
  render(shown, { wrapper: Page });
  const around = screen.getByLabelText(name).closest('[tabindex="-1"]');
  press(screen.getByLabelText(name));
  expect(screen.queryByLabelText(name)).toBeNull();
  expect(document.activeElement).not.toBe(document.body);
  expect(document.activeElement).toBe(around);
});

it('who removes a link by the keyboard stays at the list', async () => {
  let links = [{ from_junction: 'j', to_junction: 'k', from_lanes: [], to_lanes: [], distance_m: 9, free_flow_s: 9 }];
  answerWith(({ pathname }, { method }) => {
    if (method === 'DELETE') links = [];
    return pathname === '/api/links' ? links : [];
  });
  render(<Links layout={layout} admin />, { wrapper: Page });
  press(await screen.findByLabelText(/^Remove.*j → k/, {}, wait));
  const buttons = await screen.findAllByText(/^Remove the link/, { selector: 'button *' }, wait);
  press(buttons.at(-1)?.closest('button') as HTMLElement);
  await waitFor(() => expect(screen.queryByLabelText(/^Remove.*j → k/)).toBeNull(), wait);
  await waitFor(() => expect(document.activeElement).not.toBe(document.body), wait);
  expect(document.activeElement?.textContent).toBe('There is no link.');
});

/** The button of a dialog that is named as the dialog itself, or as what it does. */
async function inDialog(name: string) {
  const dialog = await screen.findByRole('dialog', {}, wait);
  return within(dialog).getByRole('button', { name });
}

it('who takes an entry out of the schedule by the keyboard stays at the week', async () => {
  const days = ['mon'];
  const entry = { name: 'Morning', days, from: '08:00', to: '10:00', limits: { max_cycle_s: 90 } };
  answerWith(({ pathname }) => {
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    if (pathname.endsWith('/layout')) return { ...layout, city: 'Pune' };
    if (pathname.endsWith('/schedule'))
      return { entries: [entry], holidays: [], city_holidays: [], time_zone: 'Asia/Kolkata', now: null };
    return pathname.startsWith('/api/holidays') ? { holidays: [] } : [];
  });
  render(
    <Routes>
      <Route path="/junctions/:junctionId/schedule" element={<ScheduleView />} />
    </Routes>,
    { wrapper: ({ children }) => <Page at="/junctions/j/schedule">{children}</Page> },
  );
  const open = await screen.findByRole('button', { name: 'Morning' }, wait);
  const week = open.closest('[tabindex="-1"]');
  press(open);
  press(await inDialog('Remove the entry'));
  await screen.findByText(/^There is no entry/, {}, wait);
  await waitFor(() => expect(document.activeElement).toBe(week), wait);
  expect(week?.textContent).toContain('There is no entry');
});

it('who takes a vehicle off the list by the keyboard stays at the list', async () => {
  let entries = [
    { entry_id: 'e', junction_id: 'j', class: 'transit', label: null, created_at: '2026-02-01T00:00:00Z' },
  ];
  answerWith(({ pathname }, { method }) => {
    if (method === 'DELETE') entries = [];
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    return pathname === '/api/watchlist' ? entries : [];
  });
  render(<Watchlist />, { wrapper: Page });
  press(await screen.findByLabelText(/^Take off: Bus/, {}, wait));
  press(await inDialog('Take off'));
  const none = await screen.findByText('No vehicle is on the list.', {}, wait);
  await waitFor(() => expect(document.activeElement).toBe(none.closest('[tabindex="-1"]')), wait);
});

it('who makes a device of an unknown sender by the keyboard stays at the list of senders', async () => {
  const at = '2026-02-01T00:00:00Z';
  let senders = [{ device_id: 'd', junction_id: 'j', messages: 3, last_at: at, detail: 'unknown' }];
  answerWith(({ pathname }, { method }) => {
    if (method === 'POST') senders = [];
    if (method === 'POST') return { device_id: 'd', junction_id: 'j', token: 't', token_until: at };
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    if (pathname === '/api/junctions/') return [{ junction_id: 'j', junction_name: 'Swargate' }];
    if (pathname === '/api/devices/unknown') return senders;
    return pathname.endsWith('/layout') ? layout : [];
  });
  render(<Devices />, { wrapper: Page });
  press(await screen.findByLabelText('Make it a device: d', {}, wait));
  await screen.findByDisplayValue('Swargate', {}, wait);
  press(await inDialog('Create'));
  const kept = await screen.findByRole('button', { name: 'I have kept it' }, wait);
  await screen.findByText('There are none.', {}, wait);
  press(kept);
  const list = screen.getByText('There are none.').closest('[tabindex="-1"]');
  await waitFor(() => expect(document.activeElement).toBe(list), wait);
});

it('who revokes a device by the keyboard stays at what else can be done with it', async () => {
  const device = { device_id: 'd', device_name: 'Cabinet', lanes: [] } as unknown as Device;
  let revoked_at: string | null = null;
  answerWith(() => {
    revoked_at = '2026-02-01T00:00:00Z';
    return {};
  });
  function Kept() {
    const { data } = useQuery({ queryKey: ['devices', 'd'], queryFn: () => ({ ...device, revoked_at }) });
    return data && <KeepingCard device={data} />;
  }
  render(<Kept />, { wrapper: Page });
  const revoke = await screen.findByRole('button', { name: 'Revoke' }, wait);
  press(revoke);
  press(await inDialog('Revoke'));
  await waitFor(() => expect(revoke.isConnected).toBe(false), wait);
  const others = screen.getByRole('button', { name: 'Replace' }).closest('[tabindex="-1"]');
  await waitFor(() => expect(document.activeElement).toBe(others), wait);
});

it('who switches to signal groups of their own by the keyboard stays at them', () => {
  function Road() {
    const [draft, change] = useState(() => draftOf(layout));
    return <Groups draft={draft} change={change} error={null} admin />;
  }
  render(<Road />, { wrapper: Page });
  const perLane = screen.getByLabelText(/^One signal group for each lane/);
  const around = perLane.closest('[tabindex="-1"]');
  press(perLane);
  expect(perLane.isConnected).toBe(false);
  expect(around).not.toBeNull();
  expect(document.activeElement).toBe(around);
});

it('who has come to the end of a long list by the keyboard stays there', () => {
  const rows = Array.from({ length: 60 }, (_, at) => at);
  const columns = [{ label: 'Number', cell: (row: number) => row }];
  render(<Rows label="Numbers" rows={rows} rowKey={(row) => row} columns={columns} />, { wrapper: Page });
  const more = screen.getByText('Show more').closest('button') as HTMLElement;
  press(more);
  expect(more.isConnected).toBe(false);
  expect(screen.getByText('59')).toBeDefined();
  expect(document.activeElement?.previousElementSibling?.tagName).toBe('TABLE');
});

it('who gives a role by the keyboard stays at it while it is sent', async () => {
  let asked = 0;
  answerWith(() => {
    asked += 1;
    return new Promise(() => undefined);
  });
  render(<RoleControl userId="u" junctionId="j" label="Role" role="none" />, { wrapper: Page });
  const observer = screen.getByLabelText<HTMLInputElement>('Observer');
  press(observer);
  await waitFor(() => expect(asked).toBe(1));
  expect(observer.disabled).toBe(false);
  expect(document.activeElement).toBe(observer);
  fireEvent.click(screen.getByLabelText('Operator'));
  expect(asked).toBe(1);
});
