import { expect, test, type Page } from '@playwright/test';
import mqtt from 'mqtt';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { matchPath } from 'react-router';
import { faults } from './support/axe';
import { address, admin, call, junction, plainUser } from './support/city';
import { history } from './support/history';
import { fits } from './support/looks';
import { signIn, watchConsole } from './support/page';
import { Road } from './support/road';
import { until } from './support/until';
import { latinLabels, namesIn } from './support/words';

// Each step of a trace keeps the whole page, which takes longer than to judge it.
test.use({ trace: 'off' });

/** Judges what is shown in light and in dark, on a notebook and on a phone. */
async function judge(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', colorScheme);
    expect.soft(await faults(page), `${what}, ${colorScheme}`).toEqual([]);
  }
  for (const screen of ['a small notebook', 'a phone'] as const)
    expect.soft(await fits(page, screen), `${what} on ${screen}`).toBe(true);
}

/** A junction with two weeks behind it, a device in fault, a bus that is watched, a message that nobody understands, and one from nobody. */
async function lively(token: string): Promise<Road> {
  const place = await junction(token, `Accessible ${Date.now()}`);
  const { junction_id } = place;
  await history(junction_id, 15);
  const road = await Road.open(token, place);
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'holiday'];
  await call('PUT', `/api/junctions/${junction_id}/schedule`, token, {
    entries: [{ name: 'Night', days, from: '00:00', to: '06:00', limits: { max_cycle_s: 60 } }],
    holidays: [{ date: '2027-01-26', name: 'Republic Day' }],
  });
  await call('POST', '/api/watchlist', token, {
    junction_ids: [junction_id],
    epc: '34161FA8203E7CB202000029',
    class: 'transit',
    label: 'Bus 9',
    valid_until: '2028-03-31T18:30:00Z',
  });
  const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
  const nobody = randomUUID();
  const said = JSON.stringify({ v: 1, device_id: nobody, online: true });
  await client.publishAsync(`flextraff/${junction_id}/signal`, '{"v": 1, "stage":', { qos: 1 });
  await client.publishAsync(`flextraff/${junction_id}/status/${nobody}`, said, { qos: 1 });
  await client.endAsync();
  await road.status({
    controller: { state: 'green', mode: 'automatic', fault: 'door', control: 'plan', level: 'actuated' },
    readers: [
      { name: 'north', state: 'up', reads_per_s: 12.5, bad_frames: 3, dropped_bytes: 40 },
      { name: 'mast', state: 'down', reads_per_s: 0, bad_frames: 0, dropped_bytes: 0, detail: '/dev/ttyUSB1 is gone' },
    ],
    outbox: { rows: 42, oldest_s: 12, bytes: 4096, dropped: 0, parked: 1 },
  });
  for (const list of ['dead-letters', 'alarms'])
    await until(`${list} of the junction are there`, async () => {
      return (await call<unknown[]>('GET', `/api/${list}?junction_id=${junction_id}`, token)).length > 0;
    });
  return road;
}

/** Addresses of all views as they stand in `src/views`. */
const known = () =>
  readdirSync('src/views')
    .map((folder) => `src/views/${folder}/view.ts`)
    .filter(existsSync)
    .map((file) => /path: '([^']+)'/.exec(readFileSync(file, 'utf8'))?.[1] ?? file);

const PARTS = ['volumes', 'compared', 'peaks', 'splits', 'ends', 'queues', 'days'];

/** Views by their address and heading; words in capitals stand for what the city of the test has. */
const VIEWS = [
  ['', 'City'],
  ['junctions/JUNCTION', 'NAME'],
  ['junctions/JUNCTION/schedule', 'NAME: Schedule'],
  ['junctions/JUNCTION/layout', 'NAME: Lanes and stages'],
  ['junctions/JUNCTION/settings', 'NAME: Settings'],
  ['junctions', 'Junctions'],
  ['devices', 'Devices'],
  ['devices/DEVICE', 'Cabinet'],
  ['alarms', 'Alarms'],
  ['watchlist', 'Watch-list'],
  ['log', 'Log'],
  ['users', 'Users'],
  ['users/USER', 'USERNAME'],
  ['audit', 'Audit log'],
  ['dead-letters', 'Dead letters'],
  ['settings', 'Settings'],
  ['account', 'Account'],
  ['nowhere', 'There is nothing here'],
  ...PARTS.map((part) => [
    `analysis?junction=JUNCTION&part=${part}${part === 'compared' ? '' : '&from=YESTERDAY&to=YESTERDAY'}`,
    'Analysis',
  ]),
] as [string, string][];

/** Headings that are names, the same in every language. */
const NAMES = ['NAME', 'Cabinet', 'USERNAME'];

test.describe('no view has a serious fault of accessibility, in light and dark, and each fits a notebook and a phone:', () => {
  let page: Page;
  let road: Road | undefined;
  let meant: (words: string) => string;

  // One page goes through all of them, as one who works does; each view has its own time.
  test.beforeAll(async ({ browser }) => {
    test.setTimeout(120_000);
    page = await (await browser.newContext()).newPage();
    const token = await admin();
    road = await lively(token);
    const { junction_id, junction_name } = road.junction;
    const { user_id, username } = await plainUser(token);
    await call('PUT', `/api/users/${user_id}/access/${junction_id}`, token, { role: 'observer' });
    const here: Record<string, string> = {
      JUNCTION: junction_id,
      NAME: junction_name,
      DEVICE: road.device,
      USERNAME: username,
      USER: user_id,
      YESTERDAY: new Date(Date.now() - 86_400_000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' }),
    };
    meant = (words) => words.replace(/[A-Z]{4,}/g, (word) => here[word] ?? word);
    await page.goto(`${address()}/app/`);
    await signIn(page, 'admin');
  });

  test.afterAll(async () => {
    await road?.close();
    await page.context().close();
  });

  for (const [path, title] of VIEWS)
    test(path || 'city', async () => {
      await page.goto(`${address()}/app/${meant(path)}`);
      await expect(page.getByRole('heading', { name: meant(title), exact: true }).first()).toBeVisible();
      await expect(page.locator('.mantine-Skeleton-root[data-visible]')).toHaveCount(0);
      await judge(page, path);
    });

  test('and each speaks Hindi, with its own words and no broken ones', async () => {
    test.setTimeout(180_000);
    const complaints = watchConsole(page);
    // Beside those that the lists have: an entry of the schedule, a holiday, readers.
    const names = [...(await namesIn(await admin())), 'Night', 'Republic Day', 'north', 'mast'];
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('menuitem', { name: 'हिन्दी' }).click();
    for (const [path, title] of VIEWS) {
      await page.goto(`${address()}/app/${meant(path)}`);
      const heading = page.getByRole('heading', { level: 1 });
      // Names of things are what somebody has called them.
      if (NAMES.includes(title)) await expect(heading).toHaveText(meant(title));
      else await expect(heading, path).toHaveText(/[\u0900-\u097f]/);
      await expect(page.locator('.mantine-Skeleton-root[data-visible]')).toHaveCount(0);
      const text = await page.locator('body').innerText();
      expect.soft(text, path).not.toMatch(/\{\{|undefined|NaN|\[object/);
      expect.soft(await latinLabels(page, names), path).toEqual([]);
    }
    expect(complaints).toEqual([]);
    await page.getByRole('button', { name: 'खाता' }).click();
    await page.getByRole('menuitem', { name: 'English' }).click();
  });

  test('sign-in', async ({ page }) => {
    await page.goto(`${address()}/app/`);
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    await judge(page, 'sign-in');
  });

  test('and every view is among them', () => {
    const visited = VIEWS.map(([path]) => `/${path.replace(/\?.*/, '')}`);
    expect(known().filter((path) => !visited.some((one) => matchPath(path, one)))).toEqual([]);
  });
});

test('a junction that shows its lamps, and what opens there, has no serious fault of accessibility', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, `Lamps ${Date.now()}`);
  const road = await Road.open(token, place);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions/${place.junction_id}`);
  await road.signal('N', 'green', { N: 'green', S: 'red', E: 'flash_amber', W: 'red' }, { mode: 'manual_override' });
  await expect(page.getByTestId('timeline')).toBeVisible();
  await judge(page, 'lamps');
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  await expect(page.getByTestId('preview')).toBeVisible();
  await judge(page, 'override');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('button', { name: 'Emergency for a lane' }).click();
  await expect(page.getByRole('dialog', { name: 'Emergency for a lane' })).toBeVisible();
  await judge(page, 'emergency');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  for (const name of ['Cycles', 'Overrides', 'Plans', 'Counts']) {
    await page.getByRole('tab', { name }).click();
    await expect(page.locator('.mantine-Skeleton-root[data-visible]')).toHaveCount(0);
    await judge(page, name);
  }
  await road.close();
});

test('everything can be reached by the keyboard', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Keyboard ${Date.now()}`);
  await page.goto(`${address()}/app/junctions/${place.junction_id}`);
  await signIn(page, 'admin', { stay: true });
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#content')).toBeFocused();
  const pages = ['Live', 'Schedule', 'Lanes and stages', 'Settings', 'Analysis'];
  for (const name of ['City', ...pages, 'Set greens by hand']) {
    await page.keyboard.press('Tab');
    await expect(page.locator(':focus')).toContainText(name);
  }
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeFocused();
});
