import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, call, junction, plainUser, type Junction } from './support/city';
import { choose, drawn, ME, MY_ACCESS, signIn, watchConsole } from './support/page';

const open = (page: Page, { junction_id }: Junction, what: string) =>
  page.goto(`${address()}/app/junctions/${junction_id}/${what}`);

interface Schedule {
  entries: { name: string; days: string[]; plan?: { stages: object[]; offset_s?: number } }[];
  holidays: object[];
  city_holidays: { date: string }[];
}

interface Layout {
  lanes: { lane_name: string; lane_id: string }[];
  groups: { name: string }[];
  stages: { stage: string; groups: string[] }[];
  city: string;
  latitude: number;
  time_zone: string;
}

/** A user who may look at a junction, or act there. */
async function somebody(place: Junction, role: 'observer' | 'operator'): Promise<string> {
  const token = await admin();
  const { user_id, username } = await plainUser(token);
  await call('PUT', `/api/users/${user_id}/access/${place.junction_id}`, token, { role });
  return username;
}

test('a junction is created, refused in words beside the field, and leads to its lanes', async ({ page }) => {
  const complaints = watchConsole(page);
  await admin();
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions`);
  await expect(page.getByRole('heading', { name: 'Junctions', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: 'New junction' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Laxmi Road');
  await dialog.getByRole('textbox', { name: 'City' }).fill('Pune');
  await dialog.getByRole('textbox', { name: 'Latitude' }).fill('18.5163');
  await dialog.getByRole('textbox', { name: 'Longitude' }).fill('73.8561');
  await dialog.getByRole('textbox', { name: 'Shortest cycle' }).fill('200');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(dialog.getByText('min_cycle_time 200 is above max_cycle_time 120')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('textbox', { name: 'Shortest cycle' }).fill('40');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('heading', { name: 'Laxmi Road: Lanes and stages' })).toBeVisible();
  expect(complaints.filter((text) => !text.includes('401') && !text.includes('422'))).toEqual([]);
});

test('a schedule is made, every rule that it breaks is told, and it holds when it is mended', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, 'Deccan', { city: 'Thane' });
  await signIn(page, await somebody(place, 'operator'));
  await open(page, place, 'schedule');
  await expect(page.getByText('There is no entry: the planner decides at all times.')).toBeVisible();
  await page.getByRole('button', { name: 'New entry', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('School');
  await dialog.getByRole('textbox', { name: 'Green of N' }).fill('300');
  await dialog.getByRole('textbox', { name: 'Offset' }).fill('12');
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('button', { name: 'New entry', exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Market');
  await dialog.getByLabel('From').fill('07:30');
  await dialog.getByLabel('To').fill('09:00');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const refusal = page.getByRole('alert');
  await expect(refusal.getByText('entries "School" and "Market" overlap on mon')).toBeVisible();
  await expect(refusal.getByText(/entry "School"/).first()).toBeVisible();
  expect((await call<Schedule>('GET', `/api/junctions/${place.junction_id}/schedule`, token)).entries).toEqual([]);

  // Its block in the week opens it again.
  await page
    .getByRole('group', { name: 'Monday' })
    .getByRole('button', { name: 'School, 07:00–08:00' })
    .click({ position: { x: 8, y: 6 } });
  await dialog.getByRole('textbox', { name: 'Green of N' }).fill('25');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('group', { name: 'Monday' }).getByRole('button', { name: '2 Market' }).click();
  await dialog.getByText('Limits', { exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Longest cycle' }).fill('90');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  const own = page.getByRole('form', { name: 'Holidays of this junction' });
  await own.getByLabel('Date').fill('2027-01-26');
  await own.getByLabel('Name of the holiday').fill('Republic Day');
  await own.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved. It holds from now on.')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  const kept = await call<Schedule>('GET', `/api/junctions/${place.junction_id}/schedule`, token);
  expect(kept.entries.map(({ name }) => name)).toEqual(['School', 'Market']);
  expect(kept.entries[0]?.plan).toMatchObject({ offset_s: 12, stages: [{ stage: 'N', green_s: 25 }, {}, {}, {}] });
  expect(kept.holidays).toEqual([{ date: '2027-01-26', name: 'Republic Day' }]);
  // Holidays of the city are an administrator's.
  await expect(page.getByRole('form', { name: 'Holidays of Thane' })).toHaveCount(0);
});

test('blocks of the week show names that have room and numbers otherwise, and tell which entry they are', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, 'Camp', { city: 'Thane' });
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun', 'holiday'];
  const plan = { stages: ['N', 'S', 'E', 'W'].map((stage) => ({ stage, green_s: 20 })) };
  await call('PUT', `/api/junctions/${place.junction_id}/schedule`, token, {
    entries: [
      { name: 'Night', days, from: '00:00', to: '06:00', limits: { max_cycle_s: 60 } },
      { name: 'Afternoon of the procession', days, from: '12:00', to: '15:30', limits: { max_cycle_s: 90 } },
      { name: 'School', days, from: '07:30', to: '08:00', plan },
    ],
    holidays: [],
  });
  await signIn(page, 'admin');
  await open(page, place, 'schedule');
  const monday = page.getByRole('group', { name: 'Monday' });
  const school = monday.getByRole('button', { name: 'School, 07:30–08:00' });
  await expect(school).toHaveText(/3/);
  await expect(school.getByTestId('block-name')).toBeHidden();
  await expect(monday.getByRole('button', { name: '1 Night' }).getByTestId('block-name')).toBeVisible();
  await expect(page.getByRole('cell', { name: '3 School' })).toBeVisible();
  await monday.getByRole('button', { name: '1 Night' }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('tooltip', { name: 'Afternoon of the procession, 12:00–15:30' })).toBeVisible();
  await school.hover();
  await expect(page.getByRole('tooltip', { name: 'School, 07:30–08:00' })).toBeVisible();
  expect(await faults(page)).toEqual([]);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    // What stands in a block is whole.
    const cut = () =>
      page
        .locator('button[data-kind]')
        .evaluateAll((all) => all.filter((it) => it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight));
    await expect.poll(async () => (await cut()).length).toBe(0);
  }
});

test('the cycle of an entry is that which the server plans', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, 'Katraj');
  const path = `/api/junctions/${place.junction_id}`;
  const { lanes, stages } = await call<Layout>('GET', `${path}/layout`, token);
  await call('PUT', `${path}/lanes`, token, { lanes, stages, intergreens: [{ from: 'N', to: 'S', seconds: 8 }] });
  const greens = stages.map(({ stage }) => ({ stage, green_s: 20 }));
  const body = { mode: 'manual_override', stages: greens };
  const { plan } = await call<{ plan: { total_cycle_time: number } }>('POST', `${path}/plans/preview`, token, body);
  expect(plan.total_cycle_time).toBe(4 * 25 + 3);
  await signIn(page, await somebody(place, 'operator'));
  await open(page, place, 'schedule');
  await page.getByRole('button', { name: 'New entry', exact: true }).click();
  await expect(page.getByRole('dialog').getByText('Cycle with clearances: 103 s')).toBeVisible();
});

test('an administrator sets the holidays of the city; an observer sees a schedule and no button that changes it', async ({
  page,
}) => {
  const token = await admin();
  const name = `Nashik ${Date.now()}`;
  const place = await junction(token, 'Swargate', { city: name });
  await signIn(page, 'admin');
  await open(page, place, 'schedule');
  const city = page.getByRole('form', { name: `Holidays of ${name}` });
  await city.getByLabel('Date').fill('2026-12-25');
  await city.getByLabel('Name of the holiday').fill('Christmas');
  await city.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved. It holds from now on.')).toBeVisible();
  const kept = await call<Schedule>('GET', `/api/junctions/${place.junction_id}/schedule`, token);
  expect(kept.city_holidays.map(({ date }) => date)).toEqual(['2026-12-25']);

  await city.getByLabel('Date').fill('2027-01-26');
  await city.getByLabel('Name of the holiday').fill('Republic Day');
  await city.getByRole('button', { name: 'Add' }).click();
  await call('PUT', `/api/holidays/${name}`, token, { holidays: [{ date: '2027-05-01', name: 'Labour Day' }] });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const refusal = page.getByRole('alert').filter({ hasText: 'Somebody else has changed this meanwhile' });
  await refusal.getByRole('button', { name: 'Discard mine and load their version' }).click();
  await expect(page.getByRole('cell', { name: 'Labour Day', exact: true })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'Republic Day', exact: true })).toHaveCount(0);

  await page.context().clearCookies();
  await signIn(page, await somebody(place, 'observer'));
  await drawn(page, MY_ACCESS, () => open(page, place, 'schedule'));
  await expect(page.getByRole('cell', { name: 'Labour Day' })).toBeVisible();
  for (const name of ['New entry', 'Add', 'Save']) await expect(page.getByRole('button', { name })).toHaveCount(0);
  await drawn(page, ME, () => open(page, place, 'layout'));
  await expect(page.getByText('Administrators change this.')).toBeVisible();
  await expect(page.getByRole('button', { name: /^(Add|Remove|Save)/ })).toHaveCount(0);
  await expect(page.getByRole('textbox', { name: 'Name of the lane' }).first()).toBeDisabled();
});

test('lanes, groups and stages change together, and every broken rule is told', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, 'Kothrud');
  const read = () => call<Layout>('GET', `/api/junctions/${place.junction_id}/layout`, token);
  await signIn(page, 'admin');
  await open(page, place, 'layout');
  await expect(page.getByRole('heading', { name: 'Kothrud: Lanes and stages' })).toBeVisible();
  const before = await read();
  // A new name reaches the stage; a lane that goes takes its green from its stage, which then has none.
  await page.getByRole('group', { name: 'Lane N' }).getByRole('textbox', { name: 'Name of the lane' }).fill('North');
  await page.getByRole('group', { name: 'Lane W' }).getByRole('button', { name: 'Remove: W' }).click();
  await page.getByRole('group', { name: 'Stage E' }).getByRole('textbox', { name: 'Shortest green' }).fill('80');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const refusal = page.getByRole('alert');
  await expect(refusal.getByText(/stage "W" has no groups/)).toBeVisible();
  await expect(refusal.getByText(/stage "E": min_green_s 80 is above max_green_s/)).toBeVisible();
  expect(await read()).toEqual(before);

  await page.getByRole('group', { name: 'Stage W' }).getByRole('button', { name: 'Remove: W' }).click();
  await page.getByRole('group', { name: 'Stage E' }).getByRole('textbox', { name: 'Shortest green' }).fill('8');
  await page.getByRole('switch', { name: 'One signal group for each lane' }).press('Space');
  await page.getByRole('group', { name: 'Signal group North' }).getByRole('textbox', { name: 'Name' }).fill('N head');
  await page.getByRole('group', { name: 'Stage S' }).getByRole('button', { name: 'Up: S' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved. The next plan keeps to it.')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  const after = await read();
  expect(after.lanes.map(({ lane_name }) => lane_name)).toEqual(['North', 'S', 'E']);
  expect(after.lanes[0]?.lane_id).toBe(before.lanes[0]?.lane_id);
  expect(after.groups.map(({ name }) => name)).toEqual(['N head', 'S', 'E']);
  expect(after.stages.map(({ stage, groups }) => [stage, groups])).toEqual([
    ['S', ['S']],
    ['N', ['N head']],
    ['E', ['E']],
  ]);
});

test('place, zone and links are set, agent.toml is saved, and a junction is deleted only by its name', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, 'Hadapsar');
  await junction(token, 'Magarpatta');
  await signIn(page, 'admin');
  await open(page, place, 'settings');
  await expect(page.getByText('[[stage]]').first()).toBeVisible();
  await page.getByRole('textbox', { name: 'Latitude' }).fill('18.6');
  await choose(page.getByRole('combobox', { name: 'Time zone' }), 'Asia/Kathmandu', 'Kathmandu');
  // What somebody else changes meanwhile stays.
  await call('PATCH', `/api/junctions/${place.junction_id}`, token, { city: 'Pimpri' });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  const kept = await call<Layout>('GET', `/api/junctions/${place.junction_id}/layout`, token);
  expect([kept.latitude, kept.time_zone, kept.city]).toEqual([18.6, 'Asia/Kathmandu', 'Pimpri']);
  await expect(page.getByRole('textbox', { name: 'City' })).toHaveValue('Pimpri');

  await page.getByRole('button', { name: 'Link' }).click();
  const dialog = page.getByRole('dialog', { name: 'Link', exact: true });
  await choose(dialog.getByRole('combobox', { name: 'The other junction' }), 'Magarpatta', 'Magar');
  await dialog.getByRole('textbox', { name: 'Distance' }).fill('650');
  await dialog.getByRole('textbox', { name: 'Travel time' }).fill('48');
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('row', { name: /Magarpatta → Hadapsar 650 48/ })).toBeVisible();
  await page.getByRole('button', { name: 'Remove: Magarpatta → Hadapsar' }).click();
  await page.getByRole('dialog', { name: 'Remove the link' }).getByRole('button', { name: 'Remove the link' }).click();
  await expect(page.getByText('There is no link.')).toBeVisible();

  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file' }).click();
  const file = await coming;
  expect(file.suggestedFilename()).toBe('agent.toml');
  expect(await readFile(await file.path(), 'utf8')).toContain(place.junction_id);

  const remove = page.getByRole('button', { name: 'Delete the junction' });
  await expect(remove).toBeDisabled();
  await page.getByRole('textbox', { name: /type its name/ }).fill('Hadapsar');
  await remove.click();
  await page
    .getByRole('dialog', { name: 'Delete the junction' })
    .getByRole('button', { name: 'Delete for good' })
    .click();
  await expect(page).toHaveURL(/\/app\/junctions$/);
  // A long list shows its first rows only.
  const search = page.getByLabel('Search by name or city');
  await search.fill('Magarpatta');
  await expect(page.getByRole('link', { name: 'Magarpatta', exact: true })).toBeVisible();
  await search.fill('Hadapsar');
  await expect(page.getByRole('link', { name: 'Magarpatta', exact: true })).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Hadapsar', exact: true })).toHaveCount(0);
});

test('the city goes out as a file and comes in again; what a file breaks is told, and what is none', async ({
  page,
}) => {
  const token = await admin();
  await junction(token, 'Aundh');
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions`);
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save all junctions as a file' }).click();
  const text = await readFile(await (await coming).path(), 'utf8');
  const chosen = (name: string, content: string) =>
    page
      .locator('input[type=file]')
      .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(content) });
  await chosen('city.json', '{"junction": 1}');
  await expect(page.getByText(/This is no junction file/)).toBeVisible();
  // The browser tells no change of a file that stands there already: mended, it could not be chosen again.
  await expect(page.locator('input[type=file]')).toHaveValue('');
  const dialog = page.getByRole('dialog', { name: 'Import junctions' });
  await chosen('city.json', text.replace('"latitude": 18.52', '"latitude": 118.52'));
  await expect(dialog.getByText(/It replaces: .*Aundh/)).toBeVisible();
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(dialog.getByText(/latitude 118.52 is out of range/)).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await chosen('again.json', text);
  await dialog.getByRole('button', { name: 'Import' }).click();
  await expect(page.getByText(/^Imported: \d+ junctions/)).toBeVisible();
});

test('what somebody else has saved meanwhile is not overwritten, and its author is named', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Both ${Date.now()}`);
  const schedule = `/api/junctions/${place.junction_id}/schedule`;
  await signIn(page, 'admin');
  await open(page, place, 'schedule');
  const own = page.getByRole('form', { name: 'Holidays of this junction' });
  await own.getByLabel('Date').fill('2027-01-26');
  await own.getByLabel('Name of the holiday').fill('Republic Day');
  await own.getByRole('button', { name: 'Add' }).click();
  await call('PUT', schedule, token, { entries: [], holidays: [{ date: '2027-05-01', name: 'Labour Day' }] });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const refusal = page.getByRole('alert').filter({ hasText: 'Somebody else has changed this meanwhile' });
  await expect(refusal).toContainText(/admin saved it last, on \d+ \w+ \d{4}, \d\d:\d\d:\d\d IST/);
  const cell = (name: string) => page.getByRole('cell', { name, exact: true });
  await expect(cell('Republic Day')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await refusal.getByRole('button', { name: 'Discard mine and load their version' }).click();
  await expect(cell('Labour Day')).toBeVisible();
  await expect(cell('Republic Day')).toHaveCount(0);
  await expect(refusal).toHaveCount(0);

  const add = async (date: string, name: string) => {
    await own.getByLabel('Date').fill(date);
    await own.getByLabel('Name of the holiday').fill(name);
    await own.getByRole('button', { name: 'Add' }).click();
  };
  await add('2027-01-26', 'Republic Day');
  await call('PUT', schedule, token, { entries: [], holidays: [{ date: '2027-08-15', name: 'Independence Day' }] });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const other = page.waitForEvent('popup');
  await refusal.getByRole('link', { name: 'Look at their version in a new tab' }).click();
  await expect((await other).getByRole('cell', { name: 'Independence Day', exact: true })).toBeVisible();
  await (await other).close();
  await refusal.getByRole('button', { name: 'Save mine over theirs' }).click();
  const sure = page.getByRole('dialog', { name: 'Save yours over their version?' });
  await expect(sure).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await sure.getByRole('button', { name: 'Cancel' }).click();
  const dates = async () =>
    (await call<{ holidays: { date: string }[] }>('GET', schedule, token)).holidays.map(({ date }) => date);
  expect(await dates()).toEqual(['2027-08-15']);
  await refusal.getByRole('button', { name: 'Save mine over theirs' }).click();
  await sure.getByRole('button', { name: 'Overwrite theirs' }).click();
  await expect(page.getByText('Saved. It holds from now on.')).toBeVisible();
  await expect(refusal).toHaveCount(0);
  expect(await dates()).toEqual(['2027-01-26', '2027-05-01']);

  await open(page, place, 'layout');
  // Exactly: while the change stands the group is 'Lane North'.
  const group = page.getByRole('group', { name: 'Lane N', exact: true });
  const lane = group.getByRole('textbox', { name: 'Name of the lane' });
  await lane.fill('North');
  const { lanes, stages } = await call<Layout>('GET', `/api/junctions/${place.junction_id}/layout`, token);
  const body = { lanes: lanes.map((one) => ({ ...one })), stages: stages.toReversed() };
  await call('PUT', `/api/junctions/${place.junction_id}/lanes`, token, body);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await refusal.getByRole('button', { name: 'Discard mine and load their version' }).click();
  await expect(refusal).toHaveCount(0);
  await expect(group).toBeVisible();
  await lane.fill('North');
  await page.getByRole('group', { name: 'Stage N', exact: true }).getByRole('button', { name: 'Up: N' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved. The next plan keeps to it.')).toBeVisible();
});

test('nobody leaves what is not saved without being asked', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Leave ${Date.now()}`);
  await signIn(page, 'admin');
  await open(page, place, 'layout');
  const lane = page.getByRole('group', { name: 'Lane N' }).getByRole('textbox', { name: 'Name of the lane' });
  await lane.fill('North');
  await page.getByRole('link', { name: 'Alarms' }).click();
  const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
  await expect(dialog).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Stay' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page).toHaveURL(/\/layout$/);
  // The browser asks before it goes elsewhere.
  const asked = page.waitForEvent('dialog');
  await page.evaluate(() => setTimeout(() => location.reload()));
  const question = await asked;
  expect(question.type()).toBe('beforeunload');
  await question.dismiss();
  await expect(page.getByRole('group', { name: 'Lane North' })).toBeVisible();
  await page.getByRole('link', { name: 'Alarms' }).click();
  await dialog.getByRole('button', { name: 'Leave and discard' }).click();
  await expect(page).toHaveURL(/\/alarms$/);
  await expect(dialog).toHaveCount(0);

  // Who signs out leaves as well.
  await open(page, place, 'layout');
  await lane.fill('North');
  const signOut = async () => {
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
  };
  await signOut();
  await expect(dialog.getByRole('button', { name: 'Stay' })).toBeFocused();
  await dialog.getByRole('button', { name: 'Stay' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('group', { name: 'Lane North' })).toBeVisible();
  await signOut();
  await dialog.getByRole('button', { name: 'Leave and discard' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('a lane that a link or a device cannot do without is refused with their names, and the way there', async ({
  page,
}) => {
  const token = await admin();
  const [place, next] = [await junction(token, `Karve ${Date.now()}`), await junction(token, `Nal ${Date.now()}`)];
  const { lanes } = await call<Layout>('GET', `/api/junctions/${place.junction_id}/layout`, token);
  const lane = (name: string) => lanes.find(({ lane_name }) => lane_name === name)?.lane_id ?? '';
  const link = `/api/links/${place.junction_id}/${next.junction_id}`;
  await call('PUT', link, token, { distance_m: 400, free_flow_s: 40, from_lanes: [lane('W')], to_lanes: [] });
  const device = randomUUID();
  await call('POST', '/api/devices', token, {
    junction_id: place.junction_id,
    device_id: device,
    device_name: 'Western cabinet',
    device_type: 'junction',
    lanes: [lane('W')],
  });
  await signIn(page, 'admin');
  await open(page, place, 'layout');
  // The lane, and the stage that it leaves empty.
  await page.getByRole('button', { name: 'Remove: W' }).first().click();
  await page.getByRole('button', { name: 'Remove: W' }).first().click();
  const refusal = page.getByRole('alert').filter({ has: page.getByRole('link', { name: /^Look at/ }) });
  const refused = async (text: string, name: string, path: string) => {
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(refusal).toContainText(text);
    await expect(refusal.getByRole('link', { name: `Look at ${name}` })).toHaveAttribute('href', path);
  };
  await refused('The device Western cabinet serves a lane that would go', 'Western cabinet', `/app/devices/${device}`);
  await call('DELETE', `/api/devices/${device}`, token);
  const { junction_name: from, junction_id } = place;
  await refused(`The link from ${from} to ${next.junction_name}`, from, `/app/junctions/${junction_id}/settings`);
  expect(await faults(page)).toEqual([]);
  await call('DELETE', link, token);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(refusal).toHaveCount(0);
});
