import { expect, test } from '@playwright/test';
import { readFile } from 'node:fs/promises';
import { address, admin, call, junction, PASSWORD, plainUser } from './support/city';
import { choose, drawn, ME, signIn, watchConsole } from './support/page';

test('a user is registered, given access, signed out, disabled and deleted', async ({ page, browser }) => {
  test.slow();
  const token = await admin();
  const place = `Aundh ${Date.now()}`;
  await junction(token, place);
  const username = `asha-${Date.now()}`;
  const complaints = watchConsole(page);
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Users' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'admin@city.example' })).toContainText('Administrator');
  await page.getByRole('button', { name: 'Add a user' }).click();
  const named = (name: string) => page.getByRole('dialog', { name });
  const dialog = named('Add a user');
  await dialog.getByLabel('User name').fill(username);
  await dialog.getByLabel('E-mail address').fill(`${username}@city.example`);
  await dialog.getByLabel('Full name').fill('Asha Kulkarni');
  await dialog.getByRole('textbox', { name: 'Password' }).fill('password1234');
  await dialog.getByRole('button', { name: 'Add a user' }).click();
  await expect(dialog.getByText(/guess/i).last()).toBeVisible();
  await dialog.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Add a user' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Asha Kulkarni' })).toBeVisible();

  const role = page.getByRole('radiogroup', { name: `Role of ${username} at ${place}` });
  await role.getByText('Operator').click();
  await expect(role.getByRole('radio', { name: 'Operator' })).toBeChecked();

  const elsewhere = await browser.newPage();
  await drawn(elsewhere, ME, () => signIn(elsewhere, username));
  await expect(elsewhere.getByRole('link', { name: 'Devices' })).toBeVisible();
  await expect(elsewhere.getByRole('link', { name: 'Users' })).toHaveCount(0);
  await elsewhere.goto(`${address()}/app/users`);
  await expect(elsewhere.getByRole('heading', { name: 'Not permitted' })).toBeVisible();
  await expect(elsewhere.getByRole('button', { name: 'Add a user' })).toHaveCount(0);

  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(named('Sign out everywhere')).toContainText(`All sessions of ${username} end at once.`);
  await named('Sign out everywhere').getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(named('Sign out everywhere')).toHaveCount(0);
  await elsewhere.reload();
  await expect(elsewhere.getByRole('button', { name: 'Sign in' })).toBeVisible();

  await page.getByRole('button', { name: 'Disable' }).click();
  await named('Disable').getByRole('button', { name: 'Disable' }).click();
  await expect(page.getByText('Disabled', { exact: true })).toBeVisible();
  await elsewhere.getByLabel('User name').fill(username);
  await elsewhere.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await elsewhere.getByRole('button', { name: 'Sign in' }).click();
  await expect(elsewhere.getByText('Inactive user')).toBeVisible();
  await elsewhere.close();

  await page.getByRole('button', { name: 'Delete' }).click();
  await expect(named('Delete')).toContainText(`What ${username} did stays in the records.`);
  await drawn(page, '/api/users/', () => named('Delete').getByRole('button', { name: 'Delete' }).click());
  await expect(page).toHaveURL(/\/app\/users$/);
  await expect(page.getByText('admin@city.example')).toBeVisible();
  await expect(page.getByText(`${username}@city.example`)).toHaveCount(0);
  expect(complaints.filter((text) => !text.includes('401') && !text.includes('422'))).toEqual([]);
});

test('a role that is refused is told beside its junction and no other', async ({ page }) => {
  const token = await admin();
  const [here, there] = [`Baner ${Date.now()}`, `Balewadi ${Date.now()}`];
  const { junction_id } = await junction(token, here);
  await junction(token, there);
  const { user_id, username } = await plainUser(token);
  await page.route(`**/access/${junction_id}`, (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail": "Not at the moment"}' }),
  );
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/users/${user_id}`);
  const row = (place: string) => page.getByRole('row').filter({ hasText: place });
  const role = (place: string) => page.getByRole('radiogroup', { name: `Role of ${username} at ${place}` });
  await role(here).getByText('Operator').click();
  await expect(row(here).getByRole('alert')).toContainText('Not at the moment');
  await expect(role(here).getByRole('radio', { name: 'None' })).toBeChecked();
  await role(there).getByText('Observer').click();
  await expect(role(there).getByRole('radio', { name: 'Observer' })).toBeChecked();
  await expect(row(there).getByRole('alert')).toHaveCount(0);
  await expect(row(here).getByRole('alert')).toBeVisible();
});

test('an open page follows the rights of who looks at it', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Kothrud ${Date.now()}`);
  const { user_id, username } = await plainUser(token);
  const access = `/api/users/${user_id}/access/${place.junction_id}`;
  await call('PUT', access, token, { role: 'observer' });
  await signIn(page, username);
  await page.goto(`${address()}/app/junctions/${place.junction_id}`);
  await expect(page.getByText('You may look at this junction, but not act.')).toBeVisible();
  await call('PUT', access, token, { role: 'operator' });
  const act = page.getByRole('button', { name: 'Set greens by hand' });
  await expect(act).toBeVisible();
  await call('PUT', access, token, { role: 'observer' });
  await expect(act).toHaveCount(0);
  await expect(page.getByText('You may look at this junction, but not act.')).toBeVisible();
  await call('DELETE', access, token);
  await expect(page.getByText('No access to this junction').first()).toBeVisible();
  await expect(page.getByRole('heading', { name: place.junction_name })).toHaveCount(0);
  await call('PATCH', `/api/users/${user_id}`, token, { is_admin: true });
  await expect(page.getByRole('link', { name: 'Users' })).toBeVisible();
  await expect(act).toBeVisible();
  await call('PATCH', `/api/users/${user_id}`, token, { is_admin: false });
  await expect(page.getByRole('link', { name: 'Users' })).toHaveCount(0);
});

test('the last administrator stays, and the server says why', async ({ page }) => {
  const token = await admin();
  const me = await call<{ user_id: string }>('GET', '/api/users/me', token);
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/users/${me.user_id}`);
  await expect(page.getByText('This is your own account.')).toBeVisible();
  await page.getByRole('button', { name: 'Take administration away' }).click();
  const dialog = page.getByRole('dialog', { name: 'Take administration away' });
  await dialog.getByRole('button', { name: 'Take administration away' }).click();
  await expect(dialog.getByText('This is the last active administrator: make somebody else one first')).toBeVisible();
});

test('the audit log tells who did what, filtered and as CSV', async ({ page }) => {
  const token = await admin();
  const place = `Pashan ${Date.now()}`;
  const { junction_id } = await junction(token, place);
  const { user_id, username } = await plainUser(token);
  await call('PUT', `/api/users/${user_id}/access/${junction_id}`, token, { role: 'observer' });
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Audit log' }).click();
  const row = page.getByRole('row').filter({ hasText: 'access.grant' }).filter({ hasText: username });
  await expect(row).toContainText(place);
  await expect(row).toContainText('role: observer');
  await choose(page.getByRole('combobox', { name: 'Junction' }), place, place);
  await expect(page.getByRole('row')).toHaveCount(3);
  await expect(page).toHaveURL(new RegExp(`junction=${junction_id}`));
  await page.reload();
  await expect(page.getByRole('row')).toHaveCount(3);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download CSV' }).click();
  const csv = await readFile(await (await download).path(), 'utf8');
  expect(csv.trim().split(/\r?\n/)).toHaveLength(3);
  expect(csv).toContain('access.grant');
  await page.getByLabel('From').fill('2099-01-01T00:00');
  await expect(page.getByText('No line matches.')).toBeVisible();
});
