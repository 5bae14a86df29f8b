import { expect, test, type Page } from '@playwright/test';
import { address, admin, call, junction, type Junction } from './support/city';
import { sql } from './support/history';
import { signIn } from './support/page';

/** Yesterday in India, and 04:30 UTC of that day. */
const DAY = new Date(Date.now() - 86_400_000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' });
const AT = `'${DAY}T04:30:00Z'::timestamptz`;

/** At that moment an alarm, a cycle, and 17 vehicles in the quarter of an hour that begins. */
const lived = ({ junction_id: id }: Junction) =>
  sql(`
    INSERT INTO alarms (junction_id, device_id, kind, severity, message, opened_at)
    VALUES ('${id}', NULL, 'of_a_newer_server', 'info', 'Same moment', ${AT});
    INSERT INTO traffic_cycles (junction_id, cycle_start_time, cycle_end_time, total_cycle_time, cycle_mode, stages)
    VALUES ('${id}', ${AT}, ${AT} + interval '60 s', 60, 'automatic', '[]');
    INSERT INTO car_counts (junction_id, lane_id, ts, vehicle_count, observed_s)
    SELECT '${id}', lane_id, ${AT} + interval '5 minutes' * n, CASE n WHEN 3 THEN 7 ELSE 5 END, 300
    FROM lanes, generate_series(1, 3) n WHERE junction_id = '${id}' AND lane_name = 'N';
    SELECT recount_volumes('-infinity', 'infinity')`);

/** What lists and tables say of that moment. */
async function told(page: Page, { junction_id: id, junction_name: name }: Junction, time: string): Promise<void> {
  // Other tests have alarms of today, more than a page of them.
  await page.goto(`${address()}/app/alarms?junction=${id}`);
  await expect(page.getByRole('row').filter({ hasText: name }).filter({ hasText: 'Same moment' })).toContainText(time);
  await page.goto(`${address()}/app/junctions/${id}`);
  await page.getByRole('tab', { name: 'Cycles' }).click();
  await expect(page.getByRole('table', { name: 'Cycles' }).locator('tbody tr')).toContainText(`${time}:00`);
  const alarm = page.getByRole('region', { name: 'Open alarms' }).getByRole('listitem');
  await expect(alarm.filter({ hasText: 'Same moment' })).toContainText(time);
  await page.goto(`${address()}/app/analysis?junction=${id}&part=volumes&from=${DAY}&to=${DAY}`);
  const section = page.getByRole('region', { name: 'Vehicles in each 15 min' });
  await section.getByRole('button', { name: 'Show the numbers' }).click();
  await expect(section.getByRole('row', { name: new RegExp(` ${time} `) })).toContainText('17');
}

test('times are those of the junction, whatever the zone of the city and of who looks', async ({ page }) => {
  const token = await admin();
  const here = await junction(token, `Kolkata ${Date.now()}`);
  const there = await junction(token, `Kathmandu ${Date.now()}`);
  await call('PATCH', `/api/junctions/${there.junction_id}`, token, { time_zone: 'Asia/Kathmandu' });
  await lived(here);
  await lived(there);
  await signIn(page, 'admin');
  await told(page, here, '10:00');
  await told(page, there, '10:15');
});
