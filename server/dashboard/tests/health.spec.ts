import { expect, test, type Page } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, junction } from './support/city';
import { history, sql } from './support/history';
import { fits } from './support/looks';
import { savedSpan, signIn, watchConsole } from './support/page';
import { Road } from './support/road';

const READERS = [
  { name: 'north', state: 'up', reads_per_s: 12.5, bad_frames: 0, dropped_bytes: 0 },
  { name: 'mast', state: 'down', reads_per_s: 0, bad_frames: 0, dropped_bytes: 0, detail: '/dev/ttyUSB1 is gone' },
];
const OUTBOX = { rows: 42, oldest_s: 12, bytes: 4096, dropped: 0, parked: 0 };
const row = (page: Page, table: string, text: string) =>
  page.getByRole('table', { name: table, exact: true }).getByRole('row').filter({ hasText: text });

/** A junction with a device, and its page. */
async function opened(page: Page, name: string, status: object): Promise<Road> {
  const token = await admin();
  const road = await Road.open(token, await junction(token, `${name} ${Date.now()}`));
  await road.status(status);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions/${road.junction.junction_id}`);
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  return road;
}

test('a junction shows its devices and how each reader does', async ({ page }) => {
  const complaints = watchConsole(page);
  const road = await opened(page, 'Health', { readers: READERS, outbox: OUTBOX });
  const device = row(page, 'Devices', 'Cabinet');
  await expect(device).toContainText('Online');
  await expect(device).toContainText(/\d+ s ago/);
  await expect(device).toContainText('0.1.0');
  await expect(device).toContainText('42 rows');
  await expect(row(page, 'Readers', 'north')).toContainText('Works');
  await expect(row(page, 'Readers', 'north')).toContainText('12.5');
  await expect(row(page, 'Readers', 'mast')).toContainText('Down');
  await expect(row(page, 'Readers', 'mast')).toContainText('/dev/ttyUSB1 is gone');
  // A reader that recovers does so here by itself.
  await road.status({
    readers: READERS.map((reader) => ({ ...reader, state: 'up', detail: undefined })),
    outbox: OUTBOX,
  });
  await expect(row(page, 'Readers', 'mast')).toContainText('Works');
  // Of a device that is gone nobody knows how its readers do.
  await road.status({ online: false });
  await expect(device).toContainText('Offline');
  await expect(row(page, 'Readers', 'mast')).toContainText('Works when last told');
  await device.getByRole('link', { name: 'Cabinet' }).click();
  await expect(page).toHaveURL(new RegExp(`/devices/${road.device}$`));
  await expect(row(page, 'Readers', 'mast')).toContainText('Works when last told');
  await expect(page.getByText('Nobody knows how it is now')).toBeVisible();
  expect(complaints).toEqual([]);
  await road.close();
});

test('a junction shows what its devices have learned of each lane, with ages and confidence', async ({ page }) => {
  const told = (value: number, age_s: number | null, confidence: number) => ({ value, age_s, confidence });
  const N = {
    stop_reader: { state: 'blind', silent_s: 130 },
    present: told(3, 1, 1),
    inventory: told(7, 1, 0.95),
    flow_per_h: told(410, 20, 0.9),
    headway_s: told(1.87, 240, 0.82),
    startup_loss_s: told(2.4, 240, 0.5),
    read_rate: told(0.93, 65, 0.7),
    tagged_share: told(0.64, null, 0),
    drive_s: told(14.2, 300, 0.4),
    announced_share: told(0.88, 70, 0.6),
    stops_on: { shares: [{ lane: 'S', share: 0.25 }], age_s: 12, confidence: 0.4 },
  };
  const road = await opened(page, 'Learned', { estimates: { lanes: { N } } });
  const expected = {
    Traffic: ['N', '7', '410/h', 'S 25%'],
    'How queues discharge': ['N', '1.87 s', '2.4 s', '14.2 s', '82%', '4 min'],
    'Tags and readers': ['N', '93%', '64%', '88%', 'assumed', 'misses most'],
  };
  for (const [group, texts] of Object.entries(expected)) {
    const lane = page.getByRole('table', { name: `What the devices estimate: ${group}` }).locator('tbody tr');
    for (const text of texts) await expect(lane, text).toContainText(text);
  }
  expect(await faults(page)).toEqual([]);
  expect(await fits(page, 'a phone')).toBe(true);
  await road.status({ estimates: { lanes: { N: { ...N, headway_s: told(2.05, 1, 0.8) } } } });
  await expect(page.getByRole('row').filter({ hasText: '2.05 s' })).toBeVisible();
  await road.close();
});

test('tables of estimates beside each other have their lines in common', async ({ page }) => {
  const told = (value: number) => ({ value, age_s: 60, confidence: 0.8 });
  const shares = ['N', 'S', 'W'].map((lane) => ({ lane, share: 0.3 }));
  const N = { inventory: told(7), stops_on: { shares, age_s: 12, confidence: 0.4 }, headway_s: told(1.9) };
  // Of this lane only one of the tables has anything.
  const S = { inventory: told(2), flow_per_h: told(300) };
  const W = { startup_loss_s: told(2.4), headway_s: told(2.1), read_rate: told(0.9), announced_share: told(0.7) };
  const road = await opened(page, 'Aligned', { estimates: { lanes: { N, S, W } } });
  const groups = ['Traffic', 'How queues discharge', 'Tags and readers'];
  const named = groups.map((group) => `What the devices estimate: ${group}`);
  // A head, and a line a lane in each of them.
  for (const name of named) await expect(page.getByRole('table', { name }).getByRole('row')).toHaveCount(4);
  for (const [width, beside] of [
    [1280, 2],
    [1920, 3],
  ] as const) {
    await page.setViewportSize({ width, height: 800 });
    await expect(async () => {
      // All at once: what comes above them moves all of them.
      const [first, ...others] = await page.evaluate(
        (names) =>
          names.map((name) =>
            [...document.querySelectorAll(`table[aria-label="${name}"] tr`)].map((row) => {
              const { top, bottom } = row.getBoundingClientRect();
              return [top, bottom];
            }),
          ),
        named.slice(0, beside),
      );
      expect(first).toHaveLength(4);
      for (const other of others) expect(other).toEqual(first);
    }).toPass();
  }
  await road.close();
});

test('what a device decided last is not shown as its decision once it is gone', async ({ page }) => {
  const alternatives = [
    { stage: 'S', hold_s: 0, cost: 1480.4 },
    { stage: 'E', hold_s: 2, cost: null },
  ];
  const decision = { stage: 'N', hold_s: 6, cost: 212, alternatives, reason: 'Six vehicles wait on N' };
  const controller = { state: 'green', mode: 'automatic', control: 'plan', level: 'greedy', fault: null, decision };
  const road = await opened(page, 'Decided', { controller });
  await expect(page.getByTestId('decision')).toContainText('Six vehicles wait on N');
  const weighed = page.getByRole('table', { name: 'Weighed against each other' }).locator('tbody tr');
  await expect(weighed).toHaveText([/^N ?chosen6 s212 vehicle-seconds$/, /^S0 s1,480 vehicle-seconds$/, /^E2 s–$/]);
  await road.status({ online: false });
  await expect(page.getByTestId('decision')).toBeHidden();
  await expect(page.getByText(/^Nobody knows what it decides: last heard \d+ s ago/)).toBeVisible();
  await page.reload();
  await expect(page.getByText(/^Nobody knows what it decides: last heard/)).toBeVisible();
  await expect(page.getByTestId('decision')).toBeHidden();
  await road.close();
});

/** A finished cycle that began so many minutes ago, with as many vehicles in the queue of lane N. */
const cycle = (id: string, minutes: number, queue: number) =>
  sql(`
    WITH c AS (
      INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
      VALUES ('${id}', now() - interval '${minutes} minutes', now() - interval '${minutes} minutes' + interval '60 s', 60, 'automatic', '[]')
      RETURNING cycle_id, cycle_start_time)
    INSERT INTO lane_cycle_data (cycle_id, junction_id, lane_id, cycle_start_time, vehicle_count, green_time_seconds, queue_start)
    SELECT cycle_id, '${id}', lane_id, cycle_start_time, 5, 20, ${queue} FROM c, lanes WHERE junction_id = '${id}' AND lane_name = 'N'`);

test('queues of an old cycle are not shown as those of now, and old cycles have their day', async ({ page }) => {
  const road = await opened(page, 'Aged', {});
  const id = road.junction.junction_id;
  await cycle(id, 3 * 24 * 60, 77);
  await page.reload();
  await page.getByRole('tab', { name: 'Cycles' }).click();
  const cycles = page.getByRole('table', { name: 'Cycles' }).locator('tbody tr');
  const day = new Date(Date.now() - 3 * 86_400_000).toLocaleDateString('en-IN', {
    day: 'numeric',
    month: 'short',
    timeZone: 'Asia/Kolkata',
  });
  await expect(cycles).toContainText(day);
  const north = row(page, 'Lanes', 'North');
  await expect(north).not.toContainText('77');
  await cycle(id, 2, 78);
  await page.reload();
  await expect(north).toContainText('78');
  await road.close();
});

test('the history has counts of each lane, and its cycles go on when they are asked for', async ({ page }) => {
  const road = await opened(page, 'Long', {});
  await expect(page.getByText('Nothing yet.')).toBeVisible();
  await history(road.junction.junction_id, 1);
  await page.reload();
  await expect(page.getByRole('img', { name: /^Tagged vehicles of each lane in the last 24 hours/ })).toBeVisible();
  await expect(page.getByRole('tabpanel')).toContainText(/N.*S.*E.*W/s);
  const counts = await savedSpan(page);
  expect(counts.name).toMatch(/^Long-\d+_Counts(_\d{4}-\d\d-\d\dT\d\d-\d\d){2}\.csv$/);
  expect(counts.lines[0]).toBe('Start (Asia/Kolkata),N,S,E,W');
  expect(counts.lines.length).toBeGreaterThan(80);
  expect(counts.lines.at(-1)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d,(\d*,){3}\d*$/);
  await page.getByRole('tab', { name: 'Cycles' }).click();
  const cycles = page.getByRole('table', { name: 'Cycles' }).locator('tbody tr');
  await expect(cycles).toHaveCount(50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(cycles).toHaveCount(100);
  // The file has those that are not shown as well, from now back to a day ago, each once.
  const saved = await savedSpan(page);
  const starts = saved.lines.slice(1).map((line) => Date.parse(`${line.slice(0, 19).replace(' ', 'T')}+05:30`));
  expect(starts.length).toBeGreaterThan(700);
  expect(starts).toEqual([...new Set(starts)].sort((a, b) => b - a));
  const minutesAgo = (start = NaN) => (Date.now() - start) / 60_000;
  expect(minutesAgo(starts[0])).toBeLessThan(10);
  expect(minutesAgo(starts.at(-1))).toBeGreaterThan(24 * 60 - 10);
  expect(saved.lines[0]).toBe('Start (Asia/Kolkata),Cycle (s),"Stages: green, and how it ended",Vehicles,Mode');
  expect(saved.lines[1]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,[\d.]+,\w+ [\d.]+ .*; .*,\d+,Automatic$/);
  await road.close();
});

test('of many open alarms the worst come first, and it is said that there are more', async ({ page }) => {
  const road = await opened(page, 'Alarmed', {});
  const id = road.junction.junction_id;
  await sql(`
    INSERT INTO alarms (junction_id, device_id, kind, severity, message, opened_at)
    SELECT '${id}', NULL, 'of_a_newer_server_' || n, 'info', 'Quiet ' || n, now() - interval '1 minute' * n FROM generate_series(1, 54) n`);
  await sql(`
    INSERT INTO alarms (junction_id, device_id, kind, severity, message, opened_at)
    VALUES ('${id}', NULL, 'of_a_newer_server', 'critical', 'The old and worst', now() - interval '9 days')`);
  await page.reload();
  const items = page.getByRole('region', { name: 'Open alarms' }).getByRole('listitem');
  // The last of them leads to the others.
  await expect(items).toHaveCount(51);
  await expect(items.first()).toContainText('The old and worst');
  await page.getByRole('link', { name: '5 more' }).click();
  await expect(page).toHaveURL(new RegExp(`/alarms\\?junction=${id}$`));
  // There the newest come first, a page at a time.
  const rows = page.getByRole('table', { name: 'Alarms' }).locator('tbody tr');
  await expect(rows).toHaveCount(50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(rows).toHaveCount(55);
  await expect(rows.last()).toContainText('The old and worst');
  await road.close();
});

test('what cannot be fetched again says how old it is and why', async ({ page }) => {
  test.slow();
  const road = await opened(page, 'Refetched', { outbox: OUTBOX });
  await expect(row(page, 'Devices', 'Cabinet')).toContainText('42 rows');
  const detail = 'The database is on holiday';
  const refuse = (path: RegExp) =>
    page.route(path, (route) =>
      route.fulfill({ status: 500, json: { detail }, contentType: 'application/problem+json' }),
    );
  await refuse(/\/api\/junctions\/[^/]+\/(plans\/current|devices)$/);
  await road.status({ outbox: OUTBOX });
  const old = (title: string) => page.getByRole('region', { name: title, exact: true }).getByTestId('as-of');
  await expect(old('Devices')).toContainText(/^As of \d\d:\d\d:\d\d, \d+ s old: The database is on holiday/);
  await expect(row(page, 'Devices', 'Cabinet')).toBeVisible();
  await expect(page.getByTestId('as-of').filter({ hasText: detail })).toHaveCount(2);

  await page.getByRole('link', { name: 'City' }).first().click();
  await expect(page.getByTestId('junction-row').filter({ hasText: road.junction.junction_name })).toBeVisible();
  await expect(page.getByTestId('as-of')).toHaveCount(0);
  await refuse(/\/api\/overview/);
  // It is fetched again each half minute.
  await expect(page.getByTestId('as-of')).toContainText(detail, { timeout: 45_000 });
  await expect(page.getByTestId('junction-row').filter({ hasText: road.junction.junction_name })).toBeVisible();
  await road.close();
});

test('lamps that cannot be fetched are not lamps that were never told', async ({ page }) => {
  await page.route(/\/signal$/, (route) => route.fulfill({ status: 500, json: { detail: 'No lamps today' } }));
  const road = await opened(page, 'Unlit', {});
  await expect(page.getByText('No lamps today')).toBeVisible();
  await expect(page.getByText('has not told its lamps yet')).toBeHidden();
  await page.unroute(/\/signal$/);
  await page.reload();
  await expect(page.getByText('has not told its lamps yet')).toBeVisible();
  await road.close();
});

test('a clock of the browser that is wrong makes nothing old, and is told', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Clock ${Date.now()}`);
  const road = await Road.open(token, place);
  await signIn(page, 'admin');
  await expect(page.getByTestId('clock')).toHaveCount(0);
  await page.clock.setSystemTime(Date.now() + 20.5 * 60_000);
  await page.goto(`${address()}/app/devices/${road.device}`);
  await expect(page.getByTestId('clock')).toContainText('is 20 min fast');
  await expect(page.getByText(/^\d+ s ago$/).first()).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await road.close();
});
