import { expect, test } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin } from './support/city';
import { signIn } from './support/page';

test('Back from under a form that is filled in asks first, and what is typed stays', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByRole('button', { name: 'Add a user' }).click();
  const form = page.getByRole('dialog', { name: 'Add a user' });
  const name = form.getByLabel('User name');
  await name.fill('asha');
  const question = page.getByRole('dialog', { name: 'Leave without saving?' });
  await page.goBack();
  await expect(question.getByRole('button', { name: 'Stay' })).toBeFocused();
  await expect(page).toHaveURL(/\/users$/);
  expect(await faults(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(question).toHaveCount(0);
  await expect(name).toHaveValue('asha');
  await page.goBack();
  await question.getByRole('button', { name: 'Leave and discard' }).click();
  await expect(page).toHaveURL(`${address()}/app/`);
  await expect(form).toHaveCount(0);

  await page.goForward();
  await page.getByRole('button', { name: 'Add a user' }).click();
  await expect(name).toHaveValue('');
  await page.goBack();
  await expect(page).toHaveURL(`${address()}/app/`);
  await expect(question).toHaveCount(0);
});
