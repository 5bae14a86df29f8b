import { expect, test } from '@playwright/test';
import { admin, call, junction } from './support/city';
import { signIn } from './support/page';
import { Road } from './support/road';
import { serve } from './support/start';

test('a server that is started again under an open page: the page says that it is away, and is fresh again by itself', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, `Restarted ${Date.now()}`);
  const road = await Road.open(token, place);
  const database = process.env.FLEXTRAFF_TEST_DATABASE ?? '';
  let served = await serve('restart', database);
  try {
    await page.goto(`${served.url}/app/`);
    await signIn(page, 'admin', { stay: true });
    // Of a large city the list begins with a part.
    await page.getByLabel('Search by name or city').fill(place.junction_name);
    const row = page.getByTestId('junction-row');
    const groups = { N: 'green', S: 'red', E: 'red', W: 'red' };
    await road.signal('N', 'green', groups);
    await expect(row.filter({ hasText: place.junction_name })).toContainText('Stage N: green');
    await page.evaluate(() => Object.assign(window, { opened: true }));

    await served.stop();
    const badge = page.getByTestId('live');
    await expect(badge).toHaveText(/Connection lost|Connecting/);
    await expect(page.getByText(/What you see is/)).toBeVisible();
    await expect(row.filter({ hasText: place.junction_name })).toContainText('Stage N: green');

    // What happens while it is away comes by another server, and is not told to this page.
    const renamed = `${place.junction_name} anew`;
    await call('PATCH', `/api/junctions/${place.junction_id}`, token, { junction_name: renamed });
    await road.signal('S', 'green', { ...groups, N: 'red', S: 'green' });
    served = await serve('restarted', database, {}, Number(new URL(served.url).port));
    await expect(badge).toHaveAttribute('data-state', 'live', { timeout: 45_000 });
    await expect(row.filter({ hasText: renamed })).toContainText('Stage S: green');
    await expect(page.getByText(/What you see is/)).toHaveCount(0);
    expect(await page.evaluate(() => 'opened' in window)).toBe(true);
  } finally {
    await served.stop();
    await road.close();
  }
});
