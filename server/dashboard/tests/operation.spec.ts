import { expect, test } from '@playwright/test';
import mqtt from 'mqtt';
import { faults } from './support/axe';
import { address, admin, call, junction, plainUser } from './support/city';
import { fits } from './support/looks';
import { choose, drawn, MY_ACCESS, signIn, watchConsole } from './support/page';
import { Road } from './support/road';
import { until } from './support/until';

const FAULT = 'the interlock has tripped: N and E green together';

test('an alarm opens by itself, is acknowledged, and is found again when it is over', async ({ page }) => {
  test.slow();
  const token = await admin();
  const place = `Katraj ${Date.now()}`;
  const road = await Road.open(token, await junction(token, place));
  const complaints = watchConsole(page);
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Alarms' }).click();
  await expect(page.getByText('Nothing is posted to other programs.')).toBeVisible();
  await road.status({ controller: { state: 'flash', mode: 'automatic', fault: FAULT, interlock_trips: 1 } });
  const row = page.getByRole('row').filter({ hasText: place });
  await expect(row).toContainText('Signal fault', { timeout: 30_000 });
  await expect(row).toContainText('Critical');
  await row.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(row).toContainText('admin,');
  await road.status({ controller: { state: 'green', mode: 'automatic', fault: null, interlock_trips: 1 } });
  await expect(row).toHaveCount(0, { timeout: 30_000 });
  await choose(page.getByRole('combobox', { name: 'State' }), 'Over');
  await expect(row).toContainText('Signal fault');

  await page.getByRole('link', { name: 'Log', exact: true }).click();
  await expect(page.getByRole('row').filter({ hasText: place }).filter({ hasText: 'alarm.closed' })).toBeVisible();
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  await road.close();
});

test('a notice tells of a critical alarm wherever somebody is, until it is over', async ({ page }) => {
  test.slow();
  const token = await admin();
  const place = `Swargate ${Date.now()}`;
  const road = await Road.open(token, await junction(token, place));
  // Who has this junction alone is told of no other one.
  const { user_id, username } = await plainUser(token);
  await call('PUT', `/api/users/${user_id}/access/${road.junction.junction_id}`, token, { role: 'operator' });
  await signIn(page, username);
  await page.getByRole('link', { name: 'Devices' }).click();
  const notice = page.getByRole('alert').filter({ hasText: `${place}: Signal fault` });
  await road.status({ controller: { state: 'flash', mode: 'automatic', fault: FAULT, interlock_trips: 1 } });
  await expect(notice).toBeVisible({ timeout: 40_000 });
  const count = page.getByRole('link', { name: '1 without notice taken' });
  await count.click();
  await expect(page.getByRole('row').filter({ hasText: place })).toContainText('Critical');
  await road.status({ controller: { state: 'green', mode: 'automatic', fault: null, interlock_trips: 1 } });
  await expect(notice).toHaveCount(0, { timeout: 40_000 });
  await expect(count).toHaveCount(0);
  await road.close();
});

test('who only looks sees alarms and entries, and no button', async ({ page }) => {
  test.slow();
  const token = await admin();
  const place = `Camp ${Date.now()}`;
  const road = await Road.open(token, await junction(token, place));
  const { user_id, username } = await plainUser(token);
  const junctionId = road.junction.junction_id;
  await call('PUT', `/api/users/${user_id}/access/${junctionId}`, token, { role: 'observer' });
  await call('POST', '/api/watchlist', token, {
    junction_ids: [junctionId],
    epc: '34161FA8203E7CB202000020',
    class: 'transit',
    label: 'Bus 7',
    valid_until: '2028-03-31T18:30:00Z',
  });
  await road.status({ controller: { state: 'flash', mode: 'automatic', fault: FAULT, interlock_trips: 1 } });
  await signIn(page, username);
  await drawn(page, MY_ACCESS, async () => {
    await page.goto(`${address()}/app/alarms`);
    await expect(page.getByRole('row').filter({ hasText: place })).toContainText('Signal fault', { timeout: 30_000 });
  });
  await expect(page.getByRole('button', { name: 'Acknowledge' })).toHaveCount(0);
  await expect(page.getByText('Who is told')).toHaveCount(0);
  await page.getByRole('link', { name: 'Watch-list' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'Bus 7' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add a vehicle' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: /^Take/ })).toHaveCount(0);
  await road.close();
});

test('new lines of the log come by themselves', async ({ page }) => {
  const token = await admin();
  const place = `Warje ${Date.now()}`;
  const { junction_id } = await junction(token, place);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/log?junction=${junction_id}`);
  await expect(page.getByText('Nothing is in the log that matches.')).toBeVisible();
  await call('PUT', `/api/junctions/${junction_id}/schedule`, token, { entries: [], holidays: [] });
  await expect(page.getByRole('row').filter({ hasText: 'schedule.changed' })).toBeVisible();
  await choose(page.getByRole('combobox', { name: 'Level, at least' }), 'Error');
  await expect(page.getByText('Nothing is in the log that matches.')).toBeVisible();
});

test('a vehicle is watched at several junctions, and taken off', async ({ page }) => {
  const token = await admin();
  const [here, there] = [`Swargate ${Date.now()}`, `Bibwewadi ${Date.now()}`];
  await junction(token, here);
  await junction(token, there);
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Watch-list' }).click();
  await page.getByRole('button', { name: 'Add a vehicle' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('EPC of the tag').fill('not hex');
  await dialog.getByLabel('Name').fill('Ambulance 4');
  const junctions = dialog.getByRole('combobox', { name: 'Junctions' });
  for (const name of [here, there]) {
    await junctions.fill(name);
    await page.getByRole('option', { name }).click();
  }
  // It stays open for more, and lies upon what is below it.
  await junctions.press('Tab');
  await expect(page.getByRole('option')).toHaveCount(0);
  await dialog.getByLabel('Until').fill('2028-03-31T23:59');
  await dialog.getByRole('button', { name: 'Add a vehicle' }).click();
  await expect(dialog.getByText(/the EPC of a tag, hex/)).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await dialog.getByLabel('EPC of the tag').fill('34161FA8 203E7CB2 02000021');
  await dialog.getByRole('button', { name: 'Add a vehicle' }).click();
  const row = page.getByRole('row').filter({ hasText: here });
  await expect(row).toContainText('Ambulance 4');
  // 23:59 on the wall in India.
  await expect(row).toContainText(/31 Mar 2028, 23:59/);
  await page.getByRole('button', { name: `Take off: Ambulance 4, ${here}` }).click();
  await dialog.getByRole('button', { name: 'Take off' }).click();
  await expect(row).toHaveCount(0);
  await expect(page.getByRole('row').filter({ hasText: there })).toBeVisible();
});

test('messages that cannot be used are shown with the reason', async ({ page }) => {
  const token = await admin();
  const { junction_id } = await junction(token, `Viman ${Date.now()}`);
  const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
  const topic = `flextraff/${junction_id}/signal`;
  await client.publishAsync(topic, '{"v": 1, "stage":', { qos: 1 });
  const letters = `/api/dead-letters?junction_id=${junction_id}`;
  await until('it is a dead letter', async () => (await call<unknown[]>('GET', letters, token)).length > 0);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/dead-letters?junction=${junction_id}`);
  const row = page.getByRole('row').filter({ hasText: topic });
  await expect(row).toContainText('Malformed');
  await row.getByText('17 bytes').click();
  await expect(row.getByText('{"v": 1, "stage":')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  expect(await fits(page, 'a phone')).toBe(true);
  await page.getByLabel('Topic').fill('flextraff/+/+/car-counts');
  await page.getByLabel('Topic').press('Enter');
  await expect(page.getByText('There are none that match.')).toBeVisible();
  await client.endAsync();
});

test('the settings in force tell where each value comes from, without secrets', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Settings' }).click();
  const row = (key: string) => page.getByRole('row').filter({ has: page.getByText(key, { exact: true }) });
  await expect(row('bind')).toContainText('FLEXTRAFF_HTTP__BIND');
  await expect(row('access_token_minutes')).toContainText('Default');
  const database = page.getByRole('table', { name: 'database' });
  await expect(database).toContainText(/postgresql:\/\/[^:]+:\*\*\*@/);
});

test('every page speaks Hindi, and can be used without a mouse', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'हिन्दी' }).click();
  const pages: [string, string][] = [
    ['alarms', 'अलार्म'],
    ['devices', 'उपकरण'],
    ['watchlist', 'निगरानी सूची'],
    ['log', 'लॉग'],
    ['users', 'उपयोगकर्ता'],
    ['audit', 'ऑडिट लॉग'],
    ['dead-letters', 'अस्वीकृत संदेश'],
    ['settings', 'सेटिंग'],
  ];
  for (const [path, title] of pages) {
    // The link to the alarms may tell how many are urgent.
    const link = page.getByRole('navigation').getByRole('link', { name: new RegExp(`^${title}(\\s|$)`) });
    await link.press('Enter');
    await expect(page).toHaveURL(new RegExp(`/app/${path}$`));
    // The focus goes along, and would take the next key if that came before it.
    await expect(page.getByRole('heading', { level: 1, name: title })).toBeFocused();
  }
  await page.goto(`${address()}/app/users`);
  await page.getByRole('button', { name: 'उपयोगकर्ता जोड़ें' }).press('Enter');
  await expect(page.getByRole('dialog').getByLabel('उपयोगकर्ता नाम')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'उपयोगकर्ता जोड़ें' })).toBeFocused();
});
