import { expect, test } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, call, oneTimeCode, PASSWORD, plainUser } from './support/city';
import { signIn, watchConsole } from './support/page';

test.describe.configure({ mode: 'serial' });

test('the first administrator registers, and is signed in on the next visit as well', async ({ page, context }) => {
  const complaints = watchConsole(page);
  await page.goto(`${address()}/app/`);
  await expect(page.getByRole('heading', { name: 'Set up the first administrator' })).toBeVisible();
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('E-mail address').fill('admin@city.example');
  await page.getByRole('textbox', { name: 'Password' }).fill('password1234');
  await page.getByRole('button', { name: 'Register and sign in' }).click();
  await expect(page.getByText(/guess/i).last()).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Register and sign in' }).click();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');

  await page.reload();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
  const kept = await page.evaluate(() =>
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]),
  );
  expect(kept).not.toContain('eyJ');
  expect(page.url()).not.toContain('eyJ');
  const cookies = await context.cookies();
  expect(cookies.map(({ name, httpOnly }) => [name, httpOnly])).toEqual([['flextraff_refresh', true]]);

  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  // The weak password was refused; nothing else went wrong, the content security policy included.
  expect(complaints.map((text) => text.includes('422'))).toEqual([true]);
});

test('a page that begins before its server goes on by itself, with the session of the last visit', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  let asked = 0;
  await page.route('**/api/users/token/refresh', (route) => {
    asked += 1;
    return asked === 1 ? route.abort() : asked === 2 ? route.fulfill({ status: 503, body: '{}' }) : route.continue();
  });
  await page.reload();
  await expect(page.getByText('The server cannot be reached. It is tried again')).toBeVisible();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live', { timeout: 20_000 });
  expect(asked).toBe(3);
});

test('a sign-in that fails says so, and not whether there is such a user', async ({ page }) => {
  const { username } = await plainUser(await admin());
  await page.goto(`${address()}/app/`);
  const fails = async (name: string) => {
    await page.getByLabel('User name').fill(name);
    await page.getByRole('textbox', { name: 'Password' }).fill('another mirror 42');
    const answered = page.waitForResponse((answer) => answer.request().method() === 'POST' && answer.status() === 401);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await answered;
    const alert = page.getByRole('alert');
    await expect(alert).toContainText('Incorrect username or password');
    await expect(page.getByLabel('User name')).toHaveValue(name);
    return alert.innerText();
  };
  const known = await fails(username);
  expect(known).not.toContain(username);
  await page.reload();
  expect(await fails(`no-${username}`)).toBe(known);
  expect(await faults(page)).toEqual([]);
});

test('a second factor is set up with its QR code, asked for at sign-in, and taken away', async ({ page }) => {
  const { username } = await plainUser(await admin());
  await signIn(page, username);
  await page.goto(`${address()}/app/account`);
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Confirm with your password').fill('another password');
  await dialog.getByRole('button', { name: 'Set up' }).click();
  await expect(dialog.getByText('Incorrect password')).toBeVisible();
  await dialog.getByRole('textbox', { name: 'Confirm with your password' }).fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Set up' }).click();
  await expect(dialog.getByRole('img', { name: 'QR code for the authenticator app' })).toBeVisible();
  expect(await faults(page)).toEqual([]);
  const secret = (await dialog.getByTestId('totp-secret').textContent()) ?? '';
  await dialog.getByLabel('Code of the app').fill(oneTimeCode(secret));
  await dialog.getByRole('button', { name: 'Switch it on' }).click();
  const shown = dialog.getByTestId('recovery-codes').locator('code');
  await expect(shown).toHaveCount(10);
  expect(await faults(page)).toEqual([]);
  const codes = await shown.allTextContents();
  await dialog.getByRole('button', { name: 'I have kept them' }).click();
  await expect(page.getByText('On: each sign-in asks for a one-time code.')).toBeVisible();

  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('User name').fill(username);
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('One-time code').fill('000000');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText('The one-time code is wrong or was used before')).toBeVisible();
  // The code of the app was spent when it was confirmed: the next one comes within 30 s.
  await page.getByLabel('One-time code').fill(oneTimeCode(secret, Date.now() + 30_000));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');

  await page.goto(`${address()}/app/account`);
  await page.getByRole('button', { name: 'Switch it off' }).click();
  await dialog.getByRole('textbox', { name: 'Confirm with your password' }).fill(PASSWORD);
  await dialog.getByLabel('One-time code or recovery code').fill(codes[0] ?? '');
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Switch it off' }).click();
  await expect(page.getByText('Off: the password alone')).toBeVisible();
});

test('a new password ends the other sessions, and one session can be ended alone', async ({ page, browser }) => {
  const { username } = await plainUser(await admin());
  const elsewhere = await browser.newPage();
  await signIn(elsewhere, username);
  await signIn(page, username);
  await page.goto(`${address()}/app/account`);
  const ends = page.getByRole('button', { name: /^End the session of / });
  await expect(ends).toHaveCount(2);
  const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
  const third = await browser.newPage({ userAgent });
  await signIn(third, username);
  await page.reload();
  await page.getByRole('button', { name: /^End the session of Firefox 140, Linux, since / }).click();
  await expect(ends).toHaveCount(2);
  await expect(third.getByText('Your session has ended. Sign in again.')).toBeVisible();
  await third.close();

  const next = 'basalt-mirror-42-tram';
  await page.getByRole('textbox', { name: 'Password until now' }).fill(PASSWORD);
  await page.getByRole('textbox', { name: 'New password', exact: true }).fill(next);
  await page.getByRole('textbox', { name: 'New password again' }).fill('another');
  await expect(page.getByText('The two new passwords differ')).toBeVisible();
  await page.getByRole('textbox', { name: 'New password again' }).fill(next);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await expect(page.getByText('The password is changed.')).toBeVisible();

  // The other page learns it by its live feed, without anybody doing anything there, and says so.
  await expect(elsewhere.getByText('Your session has ended. Sign in again.')).toBeVisible();
  await elsewhere.reload();
  await expect(elsewhere.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await elsewhere.close();
  await page.reload();
  await expect(ends).toHaveCount(1);
  await expect(page.getByRole('row').filter({ has: ends })).toContainText('this page');
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  const asked = page.getByRole('dialog', { name: 'Sign out everywhere' });
  await expect(asked).toContainText('All your sessions end at once, that of this page as well.');
  await asked.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('a sign-out that the server does not hear is told again, and the page says so meanwhile', async ({ page }) => {
  await signIn(page, 'admin');
  await page.route('**/api/users/logout', (route) => route.abort());
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByText('The server could not be told that you have signed out')).toBeVisible();
  await page.unroute('**/api/users/logout');
  await expect(page.getByText('The server could not be told that you have signed out')).toBeHidden();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('a page that is asked for without signing in is shown after it', async ({ page }) => {
  await admin();
  await page.goto(`${address()}/app/account`);
  await signIn(page, 'admin', { stay: true });
  await expect(page.getByRole('heading', { name: 'Account', exact: true })).toBeVisible();
  await page.goto(`${address()}/app/nowhere`);
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  expect((await call<{ username: string }[]>('GET', '/api/users/', await admin())).length).toBeGreaterThan(0);
});
