import { expect, test, type Locator } from '@playwright/test';
import { address, admin, call, junction, type Junction } from './support/city';
import { sql } from './support/history';
import { savedSpan, signIn } from './support/page';
import { Road } from './support/road';
import { until } from './support/until';

const REASON = 'Procession on the main road';
const greens = (green_s: Record<'N' | 'S' | 'E' | 'W', number>) =>
  Object.entries(green_s).map(([stage, green]) => ({ stage, green_s: green }));

interface Current {
  mode: string;
  plan: { plan_id: string; mode: string; state: string } | null;
}

/** A junction whose road runs each plan that it gets. */
async function obedient(token: string, name: string): Promise<Road> {
  const road = await Road.open(token, await junction(token, `${name} ${Date.now()}`));
  road.onPlan(({ plan_id }) => road.status({ plan: { plan_id, state: 'running', reasons: [] } }));
  return road;
}

/** Says who decides, and waits until the road runs that plan. */
async function decide(token: string, { junction_id }: Junction, body: { mode: string; [more: string]: unknown }) {
  await call('PUT', `/api/junctions/${junction_id}/mode`, token, body);
  await until(`the road runs the plan of ${body.mode}`, async () => {
    const { plan } = await call<Current>('GET', `/api/junctions/${junction_id}/plans/current`, token);
    return plan?.mode === body.mode && plan.state === 'running';
  });
}

test('the running plan stands beside the one before, each with its greens and why it is so', async ({ page }) => {
  const token = await admin();
  const road = await obedient(token, 'Reasons');
  await decide(token, road.junction, {
    mode: 'manual_override',
    stages: greens({ N: 31, S: 11, E: 12, W: 13 }),
    reason: REASON,
  });
  await decide(token, road.junction, { mode: 'automatic' });
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions/${road.junction.junction_id}`);
  const running = page.getByTestId('plan-running');
  await expect(running.getByRole('heading', { name: 'Running plan' })).toBeVisible();
  await expect(running).toContainText('No lane has been watched for a minute yet');
  await expect(running).not.toContainText('Manual override');
  await expect(running).not.toContainText('31 s');
  const before = page.getByTestId('plan-replaced');
  await expect(before.getByRole('heading', { name: 'Plan before' })).toBeVisible();
  await expect(before).toContainText('Manual override');
  await expect(before).toContainText(REASON);
  for (const green of ['31 s', '11 s', '12 s', '13 s']) await expect(before).toContainText(green);

  await page.getByRole('tab', { name: 'Plans' }).click();
  const history = page.getByRole('table', { name: 'Plans' }).locator('tbody tr');
  const byHand = history.filter({ hasText: REASON });
  await expect(byHand).toContainText(/N\s31 · S\s11 · E\s12 · W\s13/);
  await expect(byHand).toContainText('replaced');
  const plans = await savedSpan(page);
  expect(plans.name).toMatch(/^Reasons-\d+_Plans_.+\.csv$/);
  expect(plans.lines.find((line) => line.includes(REASON))).toMatch(/,N 31; S 11; E 12; W 13,replaced,/);
  const automatic = history.filter({ hasText: 'No lane has been watched for a minute yet' });
  await expect(automatic.filter({ hasText: 'running' })).toHaveCount(1);
  await page.getByRole('tab', { name: 'Overrides' }).click();
  await expect(page.getByRole('table', { name: 'Overrides' })).toContainText(REASON);
  const overrides = await savedSpan(page);
  expect(overrides.lines[0]).toBe('Start (Asia/Kolkata),Mode,Who,Why,End (Asia/Kolkata),Ended');
  expect(overrides.lines[1]).toMatch(
    new RegExp(`,Manual override,admin,${REASON},\\d{4}-\\S+ \\d\\d:\\d\\d:\\d\\d,ended by admin$`),
  );
  await road.close();
});

/** The number of a fact of a preview, seconds. */
async function seconds(preview: Locator, pattern: RegExp): Promise<number> {
  let text = '';
  // What is drawn anew between two looks at it is looked at again.
  await expect.poll(async () => (text = await preview.innerText())).toMatch(pattern);
  return Number(pattern.exec(text)?.[1]);
}

test('greens are compared with the running plan before they are set: better, worse, or the same', async ({ page }) => {
  const token = await admin();
  const road = await obedient(token, 'Compared');
  const { junction_id } = road.junction;
  await decide(token, road.junction, { mode: 'manual_override', stages: greens({ N: 14, S: 20, E: 20, W: 20 }) });
  // A lane of much traffic and three of little, watched for the last 15 minutes.
  await sql(`
    INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s)
    SELECT '${junction_id}', lane_id, now() - interval '5 minutes' * n, CASE WHEN lane_name = 'N' THEN 30 ELSE 4 END, 300
    FROM lanes, generate_series(0, 2) n WHERE junction_id = '${junction_id}'`);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/junctions/${junction_id}`);
  await expect(page.getByTestId('plan-running')).toContainText(/\d+(\.\d)? s per vehicle/);
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  const dialog = page.getByRole('dialog', { name: 'Manual override' });
  const preview = dialog.getByTestId('preview');
  /** Sets the green of N, and gives the predicted delays of the running plan and of these greens. */
  const compare = async (green: number): Promise<[number, number]> => {
    const answer = page.waitForResponse((one) => one.url().endsWith('/plans/preview') && one.ok());
    await dialog.getByLabel('Green of stage N').fill(String(green));
    await answer;
    await expect(preview).toHaveAttribute('aria-busy', 'false');
    return [
      await seconds(preview, /Running plan\s*([\d.]+) s per vehicle/),
      await seconds(preview, /With these greens\s*([\d.]+) s per vehicle/),
    ];
  };
  await expect(preview).toContainText('No difference to speak of');
  const [running, better] = await compare(35);
  const less = await seconds(preview, /([\d.]+) s per vehicle less/);
  expect(less).toBeGreaterThan(1);
  // Each of the three is rounded to a tenth.
  expect(running - better).toBeCloseTo(less, 0);
  const [still, worse] = await compare(8);
  expect(still).toBe(running);
  const more = await seconds(preview, /([\d.]+) s per vehicle more/);
  expect(more).toBeGreaterThan(1);
  expect(worse - running).toBeCloseTo(more, 0);
  // Nothing of it is sent.
  const { plan } = await call<Current>('GET', `/api/junctions/${junction_id}/plans/current`, token);
  expect(plan?.state).toBe('running');
  await road.close();
});
