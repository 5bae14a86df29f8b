import { expect, test } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, call, junction, PASSWORD, plainUser, tokenOf } from './support/city';
import { signIn } from './support/page';

test('who is signed out in the middle of a change goes on with it as the same user, and another one finds none of it', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, 'Majiwada', { city: 'Thane' });
  const users = [await plainUser(token), await plainUser(token)] as const;
  for (const { user_id } of users)
    await call('PUT', `/api/users/${user_id}/access/${place.junction_id}`, token, { role: 'operator' });
  const [{ username }, other] = users;
  const end = async () => call('DELETE', '/api/users/me/sessions', await tokenOf(username));
  const saved = async () =>
    (
      await call<{ holidays: { name: string }[] }>('GET', `/api/junctions/${place.junction_id}/schedule`, token)
    ).holidays.map(({ name }) => name);
  const goesOn = async (name: string) => {
    await page.getByLabel('User name').fill(name);
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
  };

  await signIn(page, username);
  await page.goto(`${address()}/app/junctions/${place.junction_id}/schedule`);
  const own = page.getByRole('form', { name: 'Holidays of this junction' });
  const add = async (date: string, name: string) => {
    await own.getByLabel('Date').fill(date);
    await own.getByLabel('Name of the holiday').fill(name);
    await own.getByRole('button', { name: 'Add' }).click();
  };
  await add('2027-01-26', 'Republic Day');
  await page.getByRole('button', { name: 'New entry', exact: true }).click();
  const entry = page.getByRole('textbox', { name: 'Name', exact: true });
  await entry.fill('School');

  await end();
  const again = page.getByRole('dialog', { name: 'Sign in' });
  await expect(again).toContainText('Something is not saved yet');
  await expect(page.getByText('Your session has ended. Sign in again.')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  // Nothing below is reached: not by the pointer, not by the keyboard, and Escape leads nowhere.
  const within = () => page.evaluate(() => Boolean(document.activeElement?.closest('dialog')));
  await expect(page.getByLabel('User name')).toBeFocused();
  for (const key of ['Escape', 'Escape', 'Escape', 'Shift+Tab', 'Tab', 'Tab', 'Tab']) {
    await page.keyboard.press(key);
    expect(await page.evaluate(() => document.activeElement?.closest('#content, [role=dialog]') === null)).toBe(true);
  }
  await expect(again).toBeVisible();
  expect(
    await page.evaluate(() =>
      Boolean(document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('dialog[open]')),
    ),
  ).toBe(true);

  await goesOn(username);
  await expect(again).toHaveCount(0);
  expect(await within()).toBe(false);
  await expect(entry).toHaveValue('School');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText('Republic Day')).toBeVisible();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Saved. It holds from now on.')).toBeVisible();
  expect(await saved()).toEqual(['Republic Day']);

  await add('2027-08-15', 'Independence Day');
  await expect(page.getByText('Independence Day')).toBeVisible();
  await end();
  await expect(again).toBeVisible();
  await goesOn(other.username);
  await expect(page.getByText('Republic Day')).toBeVisible();
  await expect(page.getByText('Independence Day')).toHaveCount(0);
  expect(await saved()).toEqual(['Republic Day']);

  // Where nothing is unsaved the session ends as ever.
  await call('DELETE', '/api/users/me/sessions', await tokenOf(other.username));
  await expect(page.getByText('Your session has ended. Sign in again.')).toBeVisible();
  await expect(again).toHaveCount(0);
  await expect(page.getByText('Republic Day')).toHaveCount(0);
});
