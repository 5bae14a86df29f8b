import { expect, type Locator, type Page } from '@playwright/test';
import { readFile } from 'node:fs/promises';
import { address, PASSWORD } from './city';

/** What the page complains about: refused styles and scripts, failures. */
export function watchConsole(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    // Who comes for the first time has no cookie to go on with.
    const first = message.location().url.endsWith('/api/users/token/refresh') && message.text().includes('401');
    if (message.type() === 'error' && !first) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.origin !== address()) complaints.push(`a request to ${url.origin}`);
  });
  return complaints;
}

/** Does something that asks the server for `path`, and waits until the answer is drawn: before that, what is not there says nothing. */
export async function drawn(page: Page, path: string, act: () => Promise<unknown>): Promise<void> {
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.ok() && new URL(one.url()).pathname === path && one.request().method() === 'GET'),
    act(),
  ]);
  await answer.finished();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** What tells who is signed in, and what he may do where. */
export const ME = '/api/users/me';
export const MY_ACCESS = '/api/users/me/access';

/** Signs in by the form and waits for the live feed. */
export async function signIn(page: Page, username: string, { stay = false, password = PASSWORD } = {}): Promise<void> {
  if (!stay) await page.goto(`${address()}/app/`);
  await page.getByLabel('User name').fill(username);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
}

/**
 * Chooses an entry of a list, which is found by `search` where it is a long one, and waits until the list is closed: until then it lies upon what
 * is below it, and has the keyboard.
 */
export async function choose(list: Locator, name: string, search?: string): Promise<void> {
  const page = list.page();
  await (search === undefined ? list.click() : list.fill(search));
  await page.getByRole('option', { name, exact: true }).click();
  await expect(page.getByRole('option')).toHaveCount(0);
}

/** Saves what the list that is shown holds of the last day; gives the name of the file and its lines. */
export async function savedSpan(page: Page): Promise<{ name: string; lines: string[] }> {
  await page.getByRole('button', { name: 'Save as CSV …' }).click();
  const dialog = page.getByRole('dialog', { name: /^Save as CSV: / });
  const coming = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  const download = await coming;
  const text = await readFile(await download.path(), 'utf8');
  await expect(dialog).toHaveCount(0);
  return { name: download.suggestedFilename(), lines: text.replace('\ufeff', '').trimEnd().split('\r\n') };
}
