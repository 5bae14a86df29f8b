import { expect, type Locator, type Page, test } from '@playwright/test';
import { Agent } from './support/agent';
import { address, admin, call, junction, plainUser } from './support/city';
import { choose, signIn, watchConsole } from './support/page';
import { Road } from './support/road';

const head = (page: Page, group: string) => page.getByTestId(`head-${group}`);
const open = (page: Page, id: string) => page.goto(`${address()}/app/junctions/${id}`);

const overrides = (page: Page) => page.getByRole('table', { name: 'Overrides' }).locator('tbody tr');

test('a real agent: stages change live, an override is obeyed and runs out, and the way back works', async ({
  page,
}) => {
  test.setTimeout(240_000);
  const token = await admin();
  const place = await junction(token, `Agent ${Date.now()}`);
  const agent = await Agent.start(token, place);
  try {
    const complaints = watchConsole(page);
    await signIn(page, 'admin');
    await open(page, place.junction_id);
    // N and S have green together, E and W wait; then the other way round.
    for (const [green, red] of [
      ['N', 'E'],
      ['E', 'N'],
      ['N', 'E'],
    ] as const) {
      await expect(head(page, green)).toHaveAttribute('data-aspect', 'green', { timeout: 40_000 });
      await expect(head(page, red)).toHaveAttribute('data-aspect', 'red');
    }
    await expect(page.getByTestId('timeline')).toContainText('Stage NS');

    await page.getByRole('button', { name: 'Set greens by hand' }).click();
    const dialog = page.getByRole('dialog', { name: 'Manual override' });
    const emergency = page.getByRole('dialog', { name: 'Emergency for a lane' });
    await dialog.getByLabel('Green of stage NS').fill('12');
    await dialog.getByLabel('Green of stage EW').fill('4');
    // 12 + 4 s of green and twice 2 s of clearance.
    await expect(dialog.getByTestId('preview')).toContainText('Cycle with clearances: 20 s');
    await dialog.getByLabel('Ends by itself after').fill('1');
    await dialog.getByLabel('Reason').fill('Procession on the main road');
    await dialog.getByRole('button', { name: 'Set the override' }).click();
    await expect(dialog.getByTestId('outcome')).toContainText(/The junction (runs it|has taken it)/);
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await expect(page.getByTestId('active-override')).toContainText('Procession on the main road');
    await expect(page.getByTestId('road-state')).toContainText('confirmed: the lamps obey', { timeout: 30_000 });
    await expect(page.getByTestId('mode')).toContainText('Override');
    // The lamps obey: green for NS is counted down exactly from 12 s.
    await expect(head(page, 'N')).toHaveAttribute('data-aspect', 'green', { timeout: 20_000 });
    await expect(page.getByTestId('countdown')).toHaveText(/^(12|11|10|9) s left$/, { timeout: 25_000 });
    await expect(page.getByTestId('active-override')).toBeHidden({ timeout: 75_000 });
    await expect(page.getByTestId('mode')).toContainText(/Automatic|Own table/, { timeout: 30_000 });
    await page.getByRole('tab', { name: 'Overrides' }).click();
    await expect(overrides(page)).toContainText('expired');

    await page.getByRole('button', { name: 'Emergency for a lane' }).click();
    await choose(emergency.getByRole('combobox', { name: 'Lane' }), 'E');
    await emergency.getByLabel('Reason').fill('Ambulance');
    await emergency.getByRole('button', { name: 'Start the emergency' }).click();
    await expect(emergency.getByTestId('outcome')).toBeVisible();
    await emergency.getByRole('button', { name: 'Close' }).last().click();
    await expect(page.getByTestId('mode')).toContainText('Emergency', { timeout: 20_000 });
    await expect(head(page, 'E')).toHaveAttribute('data-aspect', 'green', { timeout: 20_000 });
    await page.getByRole('button', { name: 'Back to automatic' }).click();
    const question = page.getByRole('dialog', { name: 'Go back to automatic?' });
    await expect(question).toContainText(
      /ends the emergency for everybody: Ambulance · for lane E · by admin .* ends in/,
    );
    await question.getByRole('button', { name: 'Back to automatic' }).click();
    await expect(page.getByTestId('active-override')).toBeHidden();
    await expect(page.getByTestId('outcome')).toBeVisible();
    await expect(overrides(page).first()).toContainText('ended by admin');
    // What came of the way back says nothing about what comes next.
    await page.getByRole('button', { name: 'Emergency for a lane' }).click();
    await expect(emergency.getByTestId('outcome')).toHaveCount(0);
    await expect(emergency.getByRole('combobox', { name: 'Lane' })).toHaveValue('');
    await expect(emergency.getByLabel('Reason')).toHaveValue('');
    await expect(emergency.getByRole('button', { name: 'Start the emergency' })).toBeDisabled();
    await emergency.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Set greens by hand' }).click();
    await expect(dialog.getByRole('button', { name: 'Set the override' })).toBeEnabled();
    await expect(dialog.getByTestId('outcome')).toHaveCount(0);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(complaints).toEqual([]);
  } finally {
    await agent.stop();
  }
});

test('greens that the server refuses are refused with its sentence, and nothing is sent', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Refused ${Date.now()}`);
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  await dialog.getByLabel('Green of stage N').fill('2');
  await dialog.getByLabel('Reason').fill('Too short');
  const answer = page.waitForResponse((one) => one.url().endsWith('/mode') && one.request().method() === 'PUT');
  await dialog.getByRole('button', { name: 'Set the override' }).click();
  const refused = await answer;
  expect(refused.status()).toBe(422);
  const { detail, errors } = (await refused.json()) as { detail: string; errors?: { message: string }[] };
  await expect(dialog.getByRole('alert').last()).toContainText(errors?.[0]?.message ?? detail);
  expect(await call<unknown[]>('GET', `/api/junctions/${place.junction_id}/overrides`, token)).toEqual([]);
});

test('what is typed into an emptied field is what is sent', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Typed ${Date.now()}`);
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  const type = async (dialog: Locator, label: string, text: string) => {
    const field = dialog.getByLabel(label);
    // A field of numbers puts its caret once more in a task after it is focused, which undoes a selection made meanwhile.
    await expect(async () => {
      await field.press('Control+a');
      await field.press('Delete');
      await expect(field).toHaveValue('', { timeout: 500 });
    }).toPass({ timeout: 10_000 });
    await field.pressSequentially(text);
  };
  const asked = async (reason: string) => {
    const path = `/api/audit?action=junction.mode&junction_id=${place.junction_id}`;
    const lines = await call<{ detail: { reason: string } }[]>('GET', path, token);
    return lines.find(({ detail }) => detail.reason === reason)?.detail;
  };
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const greens = page.getByRole('dialog', { name: 'Manual override' });
  await expect(greens.getByRole('button', { name: 'Set the override' })).toBeEnabled();
  await type(greens, 'Green of stage N', '12');
  await type(greens, 'Ends by itself after', '30');
  await greens.getByLabel('Reason').fill('Procession');
  await greens.getByRole('button', { name: 'Set the override' }).click();
  await expect
    .poll(() => asked('Procession'))
    .toMatchObject({
      stages: expect.arrayContaining([{ stage: 'N', green_s: 12 }]),
      expires_in_minutes: 30,
    });
  await greens.getByRole('button', { name: 'Close' }).last().click();

  await page.getByRole('button', { name: 'Emergency for a lane' }).click();
  const emergency = page.getByRole('dialog', { name: 'Emergency for a lane' });
  await choose(emergency.getByRole('combobox', { name: 'Lane' }), 'N');
  await type(emergency, 'Ends by itself after', '3');
  await emergency.getByLabel('Reason').fill('Ambulance');
  await emergency.getByRole('button', { name: 'Start the emergency' }).click();
  await expect.poll(() => asked('Ambulance')).toMatchObject({ expires_in_minutes: 3 });
});

test('an override that the road refuses is shown with the reasons of the road', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Road ${Date.now()}`);
  const road = await Road.open(token, place);
  const reason = 'stage N: green 25 s exceeds max_green_s 20 s';
  road.onPlan((plan) => road.status({ plan: { plan_id: plan.plan_id, state: 'refused', reasons: [reason] } }));
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  await dialog.getByLabel('Reason').fill('Festival');
  await dialog.getByRole('button', { name: 'Set the override' }).click();
  await expect(dialog.getByTestId('outcome')).toContainText('The junction refuses it');
  await expect(dialog.getByTestId('outcome')).toContainText(reason);
  await road.close();
});

test('an answer of the road that comes late is shown, in the dialog and to who has left it', async ({ page }) => {
  test.slow();
  const token = await admin();
  const place = await junction(token, `Late ${Date.now()}`);
  const road = await Road.open(token, place);
  const plans: string[] = [];
  road.onPlan((plan) => plans.push(plan.plan_id));
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  const set = async (reason: string): Promise<string> => {
    await page.getByRole('button', { name: 'Set greens by hand' }).click();
    await dialog.getByLabel('Reason').fill(reason);
    plans.length = 0;
    await dialog.getByRole('button', { name: 'Set the override' }).click();
    await expect(dialog.getByTestId('outcome')).toContainText('The junction has not answered yet');
    await expect.poll(() => plans.length).toBeGreaterThan(0);
    return plans.at(-1) ?? '';
  };
  const first = await set('Festival');
  await road.status({ plan: { plan_id: first, state: 'pending', reasons: [] } });
  await expect(dialog.getByTestId('outcome')).toContainText('it starts when the running cycle ends');
  await road.status({ plan: { plan_id: first, state: 'running', reasons: [] } });
  await expect(dialog.getByTestId('outcome')).toContainText('The junction runs it');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await expect(dialog).toHaveCount(0);

  const second = await set('Fair');
  await road.status({ plan: { plan_id: second, state: 'refused', reasons: ['stage N: no such stage'] } });
  await expect(dialog.getByTestId('outcome')).toContainText('The junction refuses it');
  await expect(dialog.getByTestId('outcome')).toContainText('stage N: no such stage');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);

  const third = await set('Match');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await expect(dialog).toHaveCount(0);
  await page.getByRole('link', { name: 'Alarms' }).click();
  await road.status({ plan: { plan_id: third, state: 'refused', reasons: ['the interlock says no'] } });
  const told = page.getByRole('alert').filter({ hasText: `${place.junction_name}: the manual override is refused` });
  await expect(told).toContainText('the interlock says no');
  await road.close();
});

test('the way back is there although the running plan cannot be fetched, and defaults are called so', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, `Back ${Date.now()}`);
  await page.route('**/plans/current', (route) =>
    route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"detail": "Broken"}' }),
  );
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  const back = page.getByRole('button', { name: 'Back to automatic' });
  await expect(back).toBeVisible();
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  await expect(dialog.getByTestId('first-greens')).toContainText('These are defaults');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await page.route('**/mode', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail": "Not at the moment"}' }),
  );
  await back.click();
  const question = page.getByRole('dialog', { name: 'Go back to automatic?' });
  await expect(question).toContainText('Whether an override runs could not be fetched');
  await question.getByRole('button', { name: 'Back to automatic' }).click();
  await expect(question).toHaveCount(0);
  await expect(page.getByRole('alert').filter({ hasText: 'Not at the moment' })).toBeVisible();
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  // Another look at something else does not make it undone.
  await expect(page.getByRole('alert').filter({ hasText: 'Not at the moment' })).toBeVisible();
});

test('the forms say whose override they replace, and until when that would run', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Replaced ${Date.now()}`);
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  await expect(dialog.getByTestId('replaces')).toHaveText('Until it ends this replaces automatic control.');
  // Somebody else is faster.
  const stages = ['N', 'S', 'E', 'W'].map((stage) => ({ stage, green_s: 20 }));
  const body = { mode: 'manual_override', stages, reason: 'Procession', expires_in_minutes: 30 };
  await call('PUT', `/api/junctions/${place.junction_id}/mode`, token, body);
  const replaced = /replaces the manual override that runs.* Procession · by admin · since .* · ends in .*, at .*\.$/;
  await expect(dialog.getByTestId('replaces')).toHaveText(replaced);
  await dialog.getByLabel('Reason').fill('Rain');
  await dialog.getByRole('button', { name: 'Set the override' }).click();
  await expect(dialog.getByTestId('outcome')).toBeVisible();
  await expect(dialog.getByTestId('replaces')).toHaveCount(0);
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await page.getByRole('button', { name: 'Emergency for a lane' }).click();
  const emergency = page.getByRole('dialog', { name: 'Emergency for a lane' });
  await expect(emergency.getByTestId('replaces')).toContainText(/replaces the manual override.* Rain · by admin/);
});

test('the way back is there for a mode of which only the junction tells', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Told ${Date.now()}`);
  const road = await Road.open(token, place);
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Back to automatic' })).toBeHidden();
  await road.signal('N', 'green', { N: 'green' }, { mode: 'manual_override' });
  await expect(page.getByRole('button', { name: 'Back to automatic' })).toBeVisible();
  await expect(page.getByText('The junction says that it runs a manual override')).toBeVisible();
  const inRow = page.getByRole('button', { name: /Set greens|Emergency for|Back to/ });
  await expect(inRow).toHaveText(['Set greens by hand', 'Emergency for a lane', 'Back to automatic']);
  // Who works at the cabinet has it until it is given back there.
  await road.status({ controller: { state: 'green', mode: 'manual_override', fault: null, control: 'panel' } });
  await expect(page.getByText('The panel at the cabinet has command of the junction')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Back to automatic' })).toBeHidden();
  // What is pressed there is no plan of the server's: how long the green stays nobody here knows.
  await road.signal('N', 'green', { N: 'green' }, { plan_id: null });
  await expect(page.getByTestId('timeline')).toHaveText(/^Stage Ngreen for \d+ s$/);
  await road.close();
});

test('what is pressed without a network is not done later, and a dialog stays until it knows what came of it', async ({
  page,
  context,
}) => {
  const token = await admin();
  const place = await junction(token, `Offline ${Date.now()}`);
  await signIn(page, 'admin');
  await open(page, place.junction_id);
  await page.getByRole('button', { name: 'Emergency for a lane' }).click();
  const dialog = page.getByRole('dialog', { name: 'Emergency for a lane' });
  await choose(dialog.getByRole('combobox', { name: 'Lane' }), 'E');
  await dialog.getByLabel('Reason').fill('Ambulance');
  await context.setOffline(true);
  await dialog.getByRole('button', { name: 'Start the emergency' }).click();
  await expect(dialog.getByText('The server cannot be reached').first()).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  expect(await call<unknown[]>('GET', `/api/junctions/${place.junction_id}/overrides`, token)).toEqual([]);

  let answer = (): void => undefined;
  const asked = new Promise<void>((done) => {
    void page.route('**/mode', async (route) => {
      done();
      await new Promise<void>((go) => (answer = go));
      await route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: '{"detail": "Not at the moment"}',
      });
    });
  });
  await dialog.getByRole('button', { name: 'Start the emergency' }).click();
  await asked;
  await page.keyboard.press('Escape');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeDisabled();
  answer();
  await expect(dialog.getByText('Not at the moment')).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
});

test('an observer looks and cannot act; counts, faults and old lamps are told', async ({ page }) => {
  test.slow();
  const token = await admin();
  const place = await junction(token, `Observed ${Date.now()}`);
  const road = await Road.open(token, place);
  const { user_id, username } = await plainUser(token);
  await call('PUT', `/api/users/${user_id}/access/${place.junction_id}`, token, { role: 'observer' });
  await signIn(page, username);
  await open(page, place.junction_id);
  await expect(page.getByText('You may look at this junction, but not act.')).toBeVisible();
  // Before the junction has told anything nobody knows what it shows.
  await expect(head(page, 'N')).toHaveAttribute('data-aspect', 'unknown');
  await expect(head(page, 'N').getByText('?')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeHidden();

  const lanes = await call<{ lane_id: string; lane_name: string }[]>(
    'GET',
    `/api/junctions/${place.junction_id}/lanes`,
    token,
  );
  const north = lanes.find((lane) => lane.lane_name === 'N')?.lane_id ?? '';
  await road.count(north, 3);
  await expect(page.getByTestId('count-N')).toHaveText('3');
  await road.count(north, 2);
  await expect(page.getByTestId('count-N')).toHaveText('5');
  await page.reload();
  await expect(page.getByTestId('count-N')).toHaveText('5');

  await road.signal(null, 'flash', { N: 'flash_amber', S: 'flash_amber', E: 'flash_amber', W: 'flash_amber' });
  await expect(head(page, 'N')).toHaveAttribute('data-aspect', 'flash_amber');
  await expect(page.getByText('The signal is not in a stage: flashing.')).toBeVisible();
  await road.status({
    controller: { state: 'flash', mode: 'automatic', fault: 'lamp N green does not light', interlock_trips: 0 },
  });
  await expect(page.getByRole('alert').getByText('lamp N green does not light')).toBeVisible();
  await expect(page.getByTestId('stale')).toBeVisible({ timeout: 25_000 });
  await expect(head(page, 'N')).toHaveAttribute('data-aspect', 'unknown');
  // Dark is a fault of its own.
  await expect(page.getByTestId('drawing')).toHaveAccessibleName(/N not known/);
  await expect(page.getByTestId('drawing')).not.toHaveAccessibleName(/dark/);
  await road.close();
});
