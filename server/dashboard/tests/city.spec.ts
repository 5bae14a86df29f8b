import { expect, test, type Page } from '@playwright/test';
import { address, admin, call, junction, plainUser } from './support/city';
import { history } from './support/history';
import { Line } from './support/line';
import { signIn, watchConsole } from './support/page';
import { Road } from './support/road';

const GREEN_N = { N: 'green', S: 'red', E: 'red', W: 'red' };
const row = (page: Page, name: string) => page.getByTestId('junction-row').filter({ hasText: name });

test('the city shows its junctions, their states and their alarms as they change', async ({ page }) => {
  const token = await admin();
  const name = `Kothrud ${Date.now()}`;
  const road = await Road.open(token, await junction(token, name, { latitude: 18.51, longitude: 73.81 }));
  const other = await junction(token, `Aundh ${Date.now()}`, { latitude: 18.56, longitude: 73.81 });
  // A city of these two alone: sums over junctions of other tests change by themselves.
  const { user_id, username } = await plainUser(token);
  for (const { junction_id } of [road.junction, other])
    await call('PUT', `/api/users/${user_id}/access/${junction_id}`, token, { role: 'observer' });
  const total = (what: string) => page.getByTestId(`total-${what}`).locator('dd');
  const complaints = watchConsole(page);
  await signIn(page, username);
  // It is there, and has not told its lamps yet.
  await expect(row(page, name)).toContainText('Not known');
  for (const [what, sum] of Object.entries({ junctions: '2', online: '1', overridden: '0', faults: '0', alarms: '0' }))
    await expect(total(what), what).toHaveText(sum);
  await road.signal('N', 'green', GREEN_N);
  await expect(row(page, name)).toContainText('Stage N: green');
  await expect(row(page, name)).toContainText('Automatic');
  await road.signal('N', 'amber', { ...GREEN_N, N: 'amber' }, { next_stage: 'S' });
  await expect(row(page, name)).toContainText('Stage N: amber');
  await road.signal('N', 'green', GREEN_N, { mode: 'manual_override' });
  await expect(row(page, name)).toContainText('Override');
  await expect(total('overridden')).toHaveText('1');

  const fault = 'the interlock has tripped: N and E green together';
  await road.status({ controller: { state: 'flash', mode: 'automatic', fault, interlock_trips: 1 } });
  await expect(row(page, name)).toContainText('Fault');
  await expect(row(page, name)).toContainText(fault);
  await expect(page.getByRole('button', { name: `${name}: Fault` })).toBeVisible();
  const alarm = page.getByRole('region', { name: 'Open alarms' }).getByRole('listitem').filter({ hasText: name });
  await expect(alarm).toContainText('Critical');
  // A fault is worse than an override, and counts instead of it.
  for (const [what, sum] of Object.entries({ online: '1', overridden: '0', faults: '1', alarms: '1' }))
    await expect(total(what), what).toHaveText(sum);

  await page.getByLabel('Search by name or city').fill(name.toLowerCase());
  await expect(page.getByTestId('junction-row')).toHaveCount(1);
  await page.getByText('Overridden', { exact: true }).click();
  await expect(page.getByText('No junction matches.')).toBeVisible();
  await page.getByText('Need attention').click();
  await expect(row(page, name)).toBeVisible();
  await page.getByRole('link', { name }).first().click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  expect(complaints).toEqual([]);
  await road.close();
});

test('the wheel brings every row of a long list into sight', async ({ page }) => {
  const token = await admin();
  const district = `Long ${Date.now()}`;
  for (let number = 1; number <= 15; number++) await junction(token, `${district} ${number}`);
  await signIn(page, 'admin');
  await page.getByLabel('Search by name or city').fill(district);
  const rows = page.getByTestId('junction-row');
  await expect(rows).toHaveCount(15);
  // Not as letters are sorted, where 15 comes before 2.
  await expect(rows.last()).toContainText(`${district} 15`);
  await expect(rows.last()).not.toBeInViewport();
  await rows.first().hover();
  // What the list does not take moves the page below the pointer.
  await expect(async () => {
    await page.mouse.wheel(0, 300);
    await expect(rows.last()).toBeInViewport({ ratio: 0.9, timeout: 300 });
  }).toPass();
  await expect(page.getByRole('columnheader', { name: 'State' })).toBeInViewport();
});

test('a sign on the map tells the queue, and is chosen by the keyboard', async ({ page }) => {
  const token = await admin();
  for (const key of ['Enter', 'Space']) {
    const name = `Key ${key} ${Date.now()}`;
    const place = await junction(token, name, { latitude: 18.44, longitude: 73.77 });
    const { junction_id } = place;
    await history(junction_id, 1);
    const road = await Road.open(token, place);
    await road.status({});
    if (key === 'Enter') await signIn(page, 'admin');
    else await page.goto(`${address()}/app/`);
    await page.getByLabel('Search by name or city').fill(name);
    await page.getByRole('button', { name: new RegExp(`^${name}: .+, (the queue|some of the queue)`) }).press(key);
    await expect(page).toHaveURL(new RegExp(`/junctions/${junction_id}$`));
    // The focus goes along.
    await expect(page.getByRole('heading', { level: 1, name })).toBeFocused();
    // Who comes back finds the list as it was.
    await page.goBack();
    await expect(page.getByLabel('Search by name or city')).toHaveValue(name);
    await expect(page.getByTestId('junction-row')).toHaveCount(1);
    await road.close();
  }
});

// In the second case the browser draws each change as a transition, so that for a moment things are drawn where they were.
for (const reducedMotion of ['no-preference', 'reduce'] as const)
  test(`names on the map cover neither signs nor each other, motion: ${reducedMotion}`, async ({ page }) => {
    const token = await admin();
    const city = `Names ${reducedMotion} ${Date.now()}`;
    for (let at = 0; at < 24; at++) {
      const place = { latitude: 12.9 + 0.01 * (at % 5), longitude: 77.5 + 0.008 * Math.floor(at / 5) };
      await junction(token, `${'Chowk '.repeat(1 + (at % 3))}${at}`, { city, ...place });
    }
    await page.emulateMedia({ reducedMotion });
    await signIn(page, 'admin');
    await page.getByLabel('Search by name or city').fill(city);
    await expect(page.getByTestId('junction-row')).toHaveCount(24);
    const map = page.getByTestId('map');
    const names = map.locator('[data-shown]');
    await expect.poll(() => names.count()).toBeGreaterThan(5);
    const boxes = (of: typeof names) =>
      of.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect));
    // Once transitions are over.
    await expect(async () => {
      const [shown, signs] = [await boxes(names), await boxes(map.locator('[data-kind]'))];
      expect(signs).toHaveLength(24);
      const cover = (a: DOMRect, b: DOMRect) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      expect(shown.filter((name) => signs.some((sign) => cover(name, sign)))).toEqual([]);
      expect(shown.filter((name, at) => shown.slice(at + 1).some((other) => cover(name, other)))).toEqual([]);
      // The junctions fill the map in one direction: it was framed when its size was known.
      const { width, height } = await map.evaluate((it) => it.getBoundingClientRect());
      const span = (side: 'x' | 'y') =>
        Math.max(...signs.map((it) => it[side])) - Math.min(...signs.map((it) => it[side]));
      expect(Math.max(span('x') / (width - 80), span('y') / (height - 80))).toBeGreaterThan(0.75);
    }).toPass({ timeout: 10_000 });
  });

test('lamps that are not told any more are marked with their age', async ({ page }) => {
  test.slow();
  const token = await admin();
  const name = `Silent ${Date.now()}`;
  const road = await Road.open(token, await junction(token, name));
  await signIn(page, 'admin');
  await road.signal('N', 'green', GREEN_N);
  await expect(row(page, name)).toContainText('Stage N: green');
  await expect(row(page, name).getByTestId('stale')).toBeVisible({ timeout: 25_000 });
  await expect(row(page, name)).not.toContainText('Stage N: green');
  await road.signal('S', 'green', { ...GREEN_N, N: 'red', S: 'green' });
  await expect(row(page, name)).toContainText('Stage S: green');
  await road.close();
});

test('on a phone and on the map an emergency of a silent junction is marked as old', async ({ page }) => {
  test.slow();
  const token = await admin();
  const name = `Hushed ${Date.now()}`;
  const road = await Road.open(token, await junction(token, name));
  const path = `/api/junctions/${road.junction.junction_id}`;
  const [lane] = await call<{ lane_id: string }[]>('GET', `${path}/lanes`, token);
  const body = { mode: 'emergency', lane_id: lane?.lane_id, expires_in_minutes: 5, reason: 'Ambulance' };
  await call('PUT', `${path}/mode`, token, body);
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page, 'admin');
  await page.getByLabel('Search by name or city').fill(name);
  await road.signal('N', 'green', GREEN_N, { mode: 'emergency' });
  await expect(row(page, name)).toContainText('Emergency');
  const sign = page.getByRole('button', { name });
  await expect(sign).toHaveAccessibleName(`${name}: Emergency`);
  await expect(
    row(page, name)
      .getByText(/^Last heard .+ ago$/)
      .filter({ visible: true }),
  ).toBeVisible({
    timeout: 25_000,
  });
  await expect(row(page, name)).toContainText('Emergency');
  await expect(sign).toHaveAccessibleName(`${name}: Emergency, not heard of late`);
  await expect(sign.locator('[data-stale]')).toHaveText('E?');
  await road.signal('N', 'green', GREEN_N, { mode: 'emergency' });
  await expect(sign).toHaveAccessibleName(`${name}: Emergency`);
  await expect(row(page, name).getByText('Last heard')).toHaveCount(0);
  await road.close();
});

test('who has one junction sees only that', async ({ page }) => {
  const token = await admin();
  const [own, other] = [await junction(token, `Own ${Date.now()}`), await junction(token, `Other ${Date.now()}`)];
  const { user_id, username } = await plainUser(token);
  await call('PUT', `/api/users/${user_id}/access/${own.junction_id}`, token, { role: 'observer' });
  await signIn(page, username);
  await expect(row(page, own.junction_name)).toBeVisible();
  await expect(page.getByTestId('junction-row')).toHaveCount(1);
  await page.goto(`${address()}/app/junctions/${other.junction_id}`);
  await expect(page.getByText('No access to this junction').first()).toBeVisible();
});

test('the feed comes back after the connection was lost, and what was missed is shown', async ({ page }) => {
  const line = await Line.of(page);
  const token = await admin();
  const name = `Lost ${Date.now()}`;
  const road = await Road.open(token, await junction(token, name));
  await signIn(page, 'admin');
  await road.signal('N', 'green', GREEN_N);
  await road.status({});
  await expect(row(page, name)).toContainText('Stage N: green');
  await line.cut();
  await expect(page.getByTestId('live')).not.toHaveAttribute('data-state', 'live');
  await expect(page.getByText(/What you see is .* Next attempt in \d+ s\./)).toBeVisible();
  await road.signal('S', 'green', { ...GREEN_N, N: 'red', S: 'green' });
  await road.status({ online: false });
  // Nobody need wait for the feed's own next attempt.
  const attempts = line.attempts;
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await expect.poll(() => line.attempts).toBeGreaterThan(attempts);
  line.mend();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await expect(row(page, name)).toContainText('Offline');
  await road.status({});
  await expect(row(page, name)).toContainText('Automatic');
  await expect(row(page, name)).toContainText('Stage S: green');
  await road.close();
});

test('the city speaks Hindi, and remembers it', async ({ page }) => {
  await admin();
  await page.goto(`${address()}/app/`);
  await page.getByRole('button', { name: 'हिन्दी' }).click();
  await expect(page.getByRole('heading', { name: 'साइन इन' })).toBeVisible();
  await page.getByLabel('उपयोगकर्ता नाम').fill('admin');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'साइन इन' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'hi');
});

test('a person chooses dark or light, and the next visit looks so', async ({ page }) => {
  await admin();
  await page.emulateMedia({ colorScheme: 'light' });
  await signIn(page, 'admin');
  const html = page.locator('html');
  const choose = async (name: string) => {
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('menuitem', { name, exact: true }).click();
  };
  await expect(html).toHaveAttribute('data-mantine-color-scheme', 'light');
  await choose('Dark');
  await expect(html).toHaveAttribute('data-mantine-color-scheme', 'dark');
  await page.reload();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
  await expect(html).toHaveAttribute('data-mantine-color-scheme', 'dark');
  await choose('Light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.reload();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
  await expect(html).toHaveAttribute('data-mantine-color-scheme', 'light');
});
