import { expect, test } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import mqtt from 'mqtt';
import { answersCommands } from './support/answers';
import { faults } from './support/axe';
import { address, admin, call, junction, plainUser } from './support/city';
import { choose, drawn, MY_ACCESS, signIn, watchConsole } from './support/page';
import { Road } from './support/road';
import { until } from './support/until';

const READERS = [
  {
    name: 'north',
    state: 'up',
    reads_per_s: 12.5,
    bad_frames: 3,
    dropped_bytes: 40,
    protocol: 'uhfreader',
    baud: 57600,
  },
  { name: 'mast', state: 'down', reads_per_s: 0, bad_frames: 0, dropped_bytes: 0, detail: '/dev/ttyUSB1 is gone' },
];
const STATUS = {
  uptime_s: 7200,
  clock: 'unsynced',
  outbox: { rows: 42, oldest_s: 12, bytes: 4096, dropped: 0, parked: 1 },
  readers: READERS,
};

test('a device is shown with its readers, obeys commands and is changed, revoked and deleted', async ({ page }) => {
  test.slow();
  const token = await admin();
  const name = `Deccan ${Date.now()}`;
  const place = await junction(token, name);
  const road = await Road.open(token, place);
  await road.status(STATUS);
  type Told = { junction_id: string; last_status?: { readers?: unknown[] } };
  await until('the server knows the readers', async () => {
    const all = await call<Told[]>('GET', '/api/devices?limit=500', token);
    return all.some((one) => one.junction_id === place.junction_id && one.last_status?.readers !== undefined);
  });
  const stop = await answersCommands(road, (type) =>
    type === 'lamp_test'
      ? { ok: false, detail: 'the lamps are green: a lamp test is done in flash or dark only' }
      : { ok: true, detail: `did ${type}` },
  );
  const complaints = watchConsole(page);
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Devices' }).click();
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toContainText('Online');
  await expect(row).toContainText('1 of 2 work');
  await expect(row).toContainText('reader · clock · rejected rows');
  await page.getByRole('searchbox', { name: 'Search' }).fill(name);
  await row.getByRole('link', { name: 'Cabinet' }).click();

  await expect(page.getByText('/dev/ttyUSB1 is gone')).toBeVisible();
  await expect(page.getByText('42 rows, the oldest 12 s old')).toBeVisible();
  await page.getByRole('button', { name: 'Begin maintenance' }).click();
  await expect(page.getByText('Somebody works at the device')).toBeVisible();
  await expect(page.getByText('Maintenance', { exact: true }).first()).toBeVisible();
  await page.getByRole('button', { name: 'End maintenance' }).click();
  await expect(page.getByRole('button', { name: 'Begin maintenance' })).toBeVisible();
  await page.getByRole('button', { name: 'Restart the reader: mast' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restart', exact: true }).click();
  await expect(page.getByTestId('command-result')).toContainText('did restart_reader');
  await page.getByRole('button', { name: 'Lamp test' }).click();
  const dialog = (name: string) => page.getByRole('dialog', { name });
  await dialog('Lamp test').getByRole('button', { name: 'Lamp test' }).click();
  await expect(page.getByText('a lamp test is done in flash or dark only')).toBeVisible();

  await page.getByRole('button', { name: 'Change' }).click();
  await dialog('Change').getByLabel('Name').fill('Cabinet 4');
  await dialog('Change').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Cabinet 4' })).toBeVisible();

  await page.getByRole('button', { name: 'Replace' }).click();
  await expect(dialog('Replace')).toContainText('Another machine or card takes the place of Cabinet 4.');
  await dialog('Replace').getByRole('button', { name: 'Replace' }).click();
  const replaced = dialog('The device is replaced');
  await expect(replaced.getByTestId('token')).toHaveText(/^[0-9a-f]{64}$/);
  expect(await faults(page)).toEqual([]);
  await replaced.getByRole('button', { name: 'I have kept it' }).click();
  await expect(replaced).toHaveCount(0);

  await page.getByRole('button', { name: 'Revoke' }).click();
  await expect(dialog('Revoke')).toContainText('The messages of Cabinet 4 are refused from now on');
  await dialog('Revoke').getByRole('button', { name: 'Revoke' }).click();
  await expect(page.getByText('Revoked', { exact: true }).first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Identify' })).toHaveCount(0);

  await page.getByRole('button', { name: 'Delete' }).click();
  await drawn(page, '/api/devices', () => dialog('Delete').getByRole('button', { name: 'Delete' }).click());
  await expect(page).toHaveURL(/\/app\/devices$/);
  await expect(page.getByRole('searchbox', { name: 'Search' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Cabinet 4' })).toHaveCount(0);
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  await stop();
  await road.close();
});

test('a new device gets a token that is shown once, and its configuration as a file', async ({ page }) => {
  const token = await admin();
  const name = `Baner ${Date.now()}`;
  await junction(token, name);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/devices`);
  await page.getByRole('button', { name: 'Add a device' }).click();
  const dialog = page.getByRole('dialog');
  await choose(dialog.getByRole('combobox', { name: 'Junction' }), name, name);
  await dialog.getByLabel('Name').fill('Mast north');
  await dialog.getByLabel('Device id').fill('no id');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByText(/a UUID/)).toBeVisible();
  await dialog.getByLabel('Device id').fill('');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByTestId('token')).toHaveText(/^[0-9a-f]{64}$/);
  await expect(dialog.getByTestId('agent-command')).toContainText('flextraff-agent enroll --server http');
  await expect(dialog.getByTestId('enrol-command')).toContainText('/api/devices/enroll');
  expect(await faults(page)).toEqual([]);
  const download = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download agent.toml' }).click();
  const file = await (await download).path();
  expect(await readFile(file, 'utf8')).toContain(`name = "${name}"`);
  // A stray press must not lose what is shown only once.
  await page.keyboard.press('Escape');
  await expect(dialog.getByTestId('token')).toBeVisible();
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('searchbox', { name: 'Search' }).fill(name);
  await expect(page.getByRole('row').filter({ hasText: 'Mast north' })).toContainText('Waits for enrolment');
});

test('an unknown sender is made a device', async ({ page }) => {
  const token = await admin();
  const name = `Wakad ${Date.now()}`;
  const { junction_id } = await junction(token, name);
  const device = randomUUID();
  const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
  const status = { v: 1, device_id: device, online: true };
  await client.publishAsync(`flextraff/${junction_id}/status/${device}`, JSON.stringify(status), { qos: 1 });
  await until('the sender is known as unknown', async () => {
    const senders = await call<{ device_id: string }[]>('GET', '/api/devices/unknown', token);
    return senders.some((sender) => sender.device_id === device);
  });
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/devices`);
  await page.getByRole('button', { name: `Make it a device: ${device}` }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Device id')).toHaveValue(device);
  await expect(dialog.getByRole('combobox', { name: 'Junction' })).toHaveValue(name);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByRole('button', { name: `Make it a device: ${device}` })).toHaveCount(0);
  await client.endAsync();
});

test('who only looks sees no button that changes something', async ({ page }) => {
  const token = await admin();
  const name = `Hadapsar ${Date.now()}`;
  const road = await Road.open(token, await junction(token, name));
  await road.status(STATUS);
  const { user_id, username } = await plainUser(token);
  const access = `/api/users/${user_id}/access/${road.junction.junction_id}`;
  await call('PUT', access, token, { role: 'observer' });
  await signIn(page, username);
  await drawn(page, MY_ACCESS, () => page.goto(`${address()}/app/devices/${road.device}`));
  await expect(page.getByText('/dev/ttyUSB1 is gone')).toBeVisible();
  for (const button of ['Identify', 'Restart the reader: mast', 'Revoke', 'Download agent.toml'])
    await expect(page.getByRole('button', { name: button })).toHaveCount(0);
  await call('PUT', access, token, { role: 'operator' });
  await page.reload();
  await expect(page.getByRole('button', { name: 'Restart the reader: mast' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Identify' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Lamp test' })).toHaveCount(0);
  await road.close();
});
