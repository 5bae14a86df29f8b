import { expect, test, type Page } from '@playwright/test';
import { address, admin, junction } from './support/city';
import { signIn } from './support/page';
import { Road } from './support/road';

test('the first stop of the keyboard leads past the navigation to the content', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  await page.goto(`${address()}/app/alarms`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const skip = page.getByRole('link', { name: 'Skip to the content' });
  await expect(skip).not.toBeInViewport();
  await page.keyboard.press('Tab');
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await expect(page).toHaveURL(/\/alarms#content$/);
  await page.keyboard.press('Tab');
  const inContent = () => document.activeElement?.closest('main') !== null;
  await expect.poll(() => page.evaluate(inContent)).toBe(true);
});

test('on a phone the menu is no stop of the keyboard while it is closed', async ({ page }) => {
  await admin();
  await signIn(page, 'admin');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${address()}/app/alarms`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const inMenu = () => page.evaluate(() => document.activeElement?.closest('#menu') !== null);
  const account = page.getByRole('button', { name: 'Account' });
  const menu = page.locator('#menu');
  await expect(menu).toHaveAttribute('inert', '');
  await account.press('Tab');
  await expect(account).not.toBeFocused();
  expect(await inMenu()).toBe(false);
  await page.getByRole('button', { name: 'Menu' }).click();
  await expect(menu).not.toHaveAttribute('inert');
  await account.press('Tab');
  await expect.poll(inMenu).toBe(true);
  await page.getByRole('link', { name: 'Devices' }).click();
  await expect(page).toHaveURL(/\/devices$/);
  await expect(menu).toHaveAttribute('inert', '');
});

test('on a phone a junction begins with what can be done, and what is not needed for that opens when it is asked for', async ({
  page,
}) => {
  const token = await admin();
  const place = await junction(token, `Pocket ${Date.now()}`);
  const road = await Road.open(token, place);
  try {
    await page.setViewportSize({ width: 390, height: 844 });
    await signIn(page, 'admin');
    await page.goto(`${address()}/app/junctions/${place.junction_id}`);
    await road.signal('N', 'green', { N: 'green', S: 'red', E: 'red', W: 'red' });
    await expect(page.getByTestId('timeline')).toBeVisible();
    for (const name of ['Set greens by hand', 'Emergency for a lane'])
      await expect(page.getByRole('button', { name })).toBeInViewport({ ratio: 1 });
    const lanes = page.getByRole('table', { name: 'Lanes' });
    await expect(lanes.getByRole('columnheader')).toHaveText(['Lane', 'Signal', 'Queue at green', 'Delay']);
    const lines = await lanes
      .getByRole('columnheader')
      .evaluateAll((all) => all.map((it) => it.getBoundingClientRect().top));
    expect(new Set(lines).size, 'lines of the head of the table').toBe(1);
    await page.getByRole('button', { name: 'All values' }).click();
    await expect(lanes.getByRole('columnheader')).toHaveCount(9);
    await page.getByRole('button', { name: 'Fewer values' }).click();
    const screens = () => page.evaluate(() => document.documentElement.scrollHeight / innerHeight);
    expect(await screens()).toBeLessThan(3.5);

    const history = page.getByRole('region', { name: 'History' });
    await expect(history.getByRole('tab')).toHaveCount(0);
    await history.getByRole('button', { name: 'History' }).press('Enter');
    await expect(history.getByRole('tab', { name: 'Cycles' })).toBeVisible();
  } finally {
    await road.close();
  }
});

/** How the lit lamp of a head looks at rest, and whether anything of it moves. */
const lit = (page: Page, group: string) =>
  page.getByTestId(`head-${group}`).evaluate(async (head) => {
    const ends = (animation: Animation) => animation.effect?.getComputedTiming().endTime !== Infinity;
    await Promise.all(
      head
        .getAnimations({ subtree: true })
        .filter(ends)
        .map((animation) => animation.finished),
    );
    const lamp = head.querySelector('text')?.parentElement;
    const ring = head.querySelector('[data-testid=flashes]');
    const { stroke = 'none', strokeDasharray = 'none' } = ring ? getComputedStyle(ring) : {};
    return {
      moves: head.getAnimations({ subtree: true }).length > 0,
      opacity: lamp ? getComputedStyle(lamp).opacity : null,
      ring: ring !== null && stroke !== 'none' && strokeDasharray !== 'none' && ring.getBoundingClientRect().width > 0,
    };
  });

test('who wants no motion sees which lamps flash', async ({ page }) => {
  const token = await admin();
  const place = await junction(token, `Still ${Date.now()}`);
  const road = await Road.open(token, place);
  try {
    await signIn(page, 'admin');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(`${address()}/app/junctions/${place.junction_id}`);
    await road.signal(null, 'flash', { N: 'flash_amber', S: 'amber', E: 'flash_red', W: 'red' });
    await expect(page.getByTestId('head-N')).toHaveAttribute('data-aspect', 'flash_amber');
    const [flashes, steady] = [
      { moves: false, opacity: '1', ring: true },
      { moves: false, opacity: '1', ring: false },
    ];
    for (const group of ['N', 'E']) expect(await lit(page, group), group).toEqual(flashes);
    for (const group of ['S', 'W']) expect(await lit(page, group), group).toEqual(steady);

    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await expect.poll(async () => (await lit(page, 'N')).moves).toBe(true);
    expect(await lit(page, 'S')).toEqual(steady);
  } finally {
    await road.close();
  }
});

test('times and days are typed by the keyboard, over those that stand there as well', async ({ page }) => {
  const place = await junction(await admin(), `Typed ${Date.now()}`);
  await signIn(page, 'admin');
  const from = page.getByLabel('From', { exact: true });
  // Whether the day or the month comes first is the browser's own affair.
  const typed = async (day: string, clock = '') => {
    // At its first part.
    await from.blur();
    await from.focus();
    await page.keyboard.type(day);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.type(clock);
  };
  await page.goto(`${address()}/app/log?junction=${place.junction_id}`);
  await typed('02022026', '0830a');
  await expect(from).toHaveValue('2026-02-02T08:30');
  await expect(page).toHaveURL(/from=2026-02-02T03%3A00%3A00Z/);
  await typed('03032025', '0945a');
  await expect(from).toHaveValue('2025-03-03T09:45');
  await expect(page).toHaveURL(/from=2025-03-03T04%3A15%3A00Z/);

  await page.goto(`${address()}/app/analysis?junction=${place.junction_id}`);
  await typed('01012026');
  await expect(from).toHaveValue('2026-01-01');
  await expect(page).toHaveURL(/from=2026-01-01/);
});
