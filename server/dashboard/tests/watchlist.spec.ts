import { expect, test } from '@playwright/test';
import { address, admin, call, junction } from './support/city';
import { signIn, watchConsole } from './support/page';

test('a vehicle is found by its name, and taken off at every junction at once', async ({ page }) => {
  const token = await admin();
  const mark = Date.now();
  const ids = [];
  for (const name of ['One', 'Two']) ids.push((await junction(token, `${name} ${mark}`)).junction_id);
  const [lost, other] = [`Ambulance MH12 ${mark}`, `Bus ${mark}`];
  const vehicles = [
    ['34161FA8203E7CB202000031', 'emergency', lost],
    ['34161FA8203E7CB202000032', 'transit', lost],
    ['34161FA8203E7CB202000033', 'transit', other],
  ] as const;
  for (const [epc, kind, label] of vehicles)
    await call('POST', '/api/watchlist', token, {
      junction_ids: ids,
      epc,
      class: kind,
      label,
      valid_until: '2028-03-31T18:30:00Z',
    });
  const complaints = watchConsole(page);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/watchlist`);
  const rows = (name: string) => page.getByRole('row').filter({ hasText: name });
  await expect(rows(other)).toHaveCount(2);
  await page.getByRole('searchbox', { name: 'Search a name' }).fill(`mh12 ${mark}`);
  await expect(rows(other)).toHaveCount(0);
  await expect(rows(lost)).toHaveCount(4);
  const ambulance = rows(lost).filter({ hasText: 'Emergency vehicle' });
  await ambulance
    .first()
    .getByRole('button', { name: `Take off everywhere: ${lost}` })
    .click();
  const dialog = page.getByRole('dialog', { name: 'Take off everywhere' });
  await expect(dialog).toContainText(`${lost} (Emergency vehicle) is a vehicle like any other at every junction`);
  await dialog.getByRole('button', { name: 'Take off everywhere' }).click();
  await expect(page.getByText(`${lost} is taken off at 2 junctions.`)).toBeVisible();
  await expect(ambulance).toHaveCount(0);
  await expect(rows(lost)).toHaveCount(2);
  await page.getByRole('searchbox', { name: 'Search a name' }).fill('nothing of that name');
  await expect(page.getByText('No vehicle on the list has such a name.')).toBeVisible();
  expect(complaints).toEqual([]);
});
