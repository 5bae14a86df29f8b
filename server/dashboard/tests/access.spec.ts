import { expect, test } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, call, junction } from './support/city';
import { signIn, watchConsole } from './support/page';
import { Road } from './support/road';

for (const scheme of ['light', 'dark'] as const) {
  test(`no view has a serious fault of accessibility (${scheme})`, async ({ page }) => {
    test.setTimeout(150_000);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const token = await admin();
    const place = await junction(token, `Accessible ${scheme} ${Date.now()}`);
    const road = await Road.open(token, place);
    await page.goto(`${address()}/app/`);
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
    expect.soft(await faults(page)).toEqual([]);
    await signIn(page, 'admin');
    await road.signal('N', 'green', { N: 'green', S: 'red', E: 'flash_amber', W: 'red' }, { mode: 'manual_override' });
    await road.status({
      controller: { state: 'green', mode: 'automatic', fault: 'door', control: 'plan', level: 'actuated' },
    });
    await expect(page.getByTestId('junction-row').filter({ hasText: place.junction_name })).toContainText('Fault');
    expect.soft(await faults(page)).toEqual([]);
    await page.goto(`${address()}/app/junctions/${place.junction_id}`);
    // Lamps of before are old by now.
    await road.signal('N', 'green', { N: 'green', S: 'red', E: 'flash_amber', W: 'red' }, { mode: 'manual_override' });
    await expect(page.getByTestId('timeline')).toBeVisible();
    expect.soft(await faults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Set greens by hand' }).click();
    await expect(page.getByTestId('preview')).toBeVisible();
    expect.soft(await faults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    for (const name of ['Cycles', 'Overrides', 'Plans']) {
      await page.getByRole('tab', { name }).click();
      expect.soft(await faults(page)).toEqual([]);
    }
    await page.goto(`${address()}/app/account`);
    await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
    expect.soft(await faults(page)).toEqual([]);
    await road.close();
  });
}

test('everything can be reached by the keyboard', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Keyboard ${Date.now()}`);
  await page.goto(`${address()}/app/junctions/${place.junction_id}`);
  await signIn(page, 'admin', { stay: true });
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#content')).toBeFocused();
  const pages = ['Live', 'Schedule', 'Lanes and stages', 'Settings', 'Analysis'];
  for (const name of ['City', ...pages, 'Set greens by hand']) {
    await page.keyboard.press('Tab');
    await expect(page.locator(':focus')).toContainText(name);
  }
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Set greens by hand' })).toBeFocused();
});

test('on a phone nothing is wider than the screen', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const token = await admin();
  const place = await junction(token, `Phone ${Date.now()}`);
  await signIn(page, 'admin');
  for (const path of ['', `junctions/${place.junction_id}`, 'account']) {
    await page.goto(`${address()}/app/${path}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const [width, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    expect(width, path).toBeLessThanOrEqual(screen);
  }
});

test('every view speaks Hindi, with its own words and no broken ones', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Hindi ${Date.now()}`);
  const complaints = watchConsole(page);
  await signIn(page, 'admin');
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'हिन्दी' }).click();
  for (const [path, words] of [
    ['', ['शहर', 'खुले अलार्म']],
    [`junctions/${place.junction_id}`, ['लेन और सिग्नल हेड', 'साइकिल', 'प्लान', 'इतिहास']],
    ['account', ['दूसरा सत्यापन', 'पासवर्ड', 'सत्र']],
  ] as const) {
    await page.goto(`${address()}/app/${path}`);
    for (const word of words)
      await expect(page.getByRole('heading', { name: word, exact: true }).first()).toBeVisible();
    expect(await page.locator('body').innerText()).not.toMatch(/\{\{|undefined|NaN/);
  }
  expect(complaints).toEqual([]);
  expect((await call<unknown[]>('GET', '/api/junctions/', token)).length).toBeGreaterThan(0);
});
