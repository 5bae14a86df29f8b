import { expect, type Page, test } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { address, admin, call, PASSWORD } from '../support/city';
import { signIn } from '../support/page';
import { until } from '../support/until';
import { type City, city } from './city';

const folder = process.env.FLEXTRAFF_SCREENSHOTS ?? '';
/** Names of the views that are wanted; none: all. */
const wanted = (process.env.FLEXTRAFF_SCREENSHOTS_OF ?? '').split(' ').filter(Boolean);

const LOOKS = [
  ['light', { width: 1280, height: 800 }, 'light'],
  ['dark', { width: 1280, height: 800 }, 'dark'],
  ['phone', { width: 390, height: 844 }, 'light'],
] as const;

interface Planned {
  state: string;
  explanation?: { webster_cycle_s?: number | null };
}

type Prepare = (page: Page) => Promise<unknown>;
interface View {
  name: string;
  path: string;
  /** Does what must be done until the page shows what the picture is of. */
  prepare: Prepare;
  /** The page as a whole, however long; else what fits the screen, as dialogs need it. */
  whole?: boolean;
}

/** Pictures of a view; gives what went wrong. */
async function shoot(page: Page, { name, path, prepare, whole = true }: View): Promise<string[]> {
  if (wanted.length > 0 && !wanted.includes(name)) return [];
  const wrong: string[] = [];
  for (const [kind, size, colorScheme] of LOOKS) {
    try {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      await page.goto(`${address()}/app/${path}`);
      await prepare(page);
      // What stands at the edges of the window is as high as the page.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      if (whole) await page.setViewportSize({ width: size.width, height: Math.max(size.height, height) });
      await page.screenshot({ path: `${folder}/${name}-${kind}.png`, animations: 'disabled' });
    } catch (error) {
      wrong.push(`${name}, ${kind}: ${String(error)}`);
    }
  }
  return wrong;
}

const title: Prepare = async (page) => {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('.mantine-Skeleton-root[data-visible]')).toHaveCount(0);
};
const rows: Prepare = async (page) => {
  await title(page);
  await expect(page.getByRole('row').nth(1)).toBeVisible();
};
const drawn: Prepare = async (page) => {
  await title(page);
  await expect(page.getByRole('region').getByRole('img').first()).toBeVisible();
};
const press =
  (name: string): Prepare =>
  async (page) => {
    await title(page);
    await page.getByRole('button', { name, exact: true }).click();
    await title(page);
  };

/** A part of the history of a junction, which a phone shows once it is asked for. */
const past =
  (name: string): Prepare =>
  async (page) => {
    await title(page);
    const folded = page.getByRole('button', { name: 'History', expanded: false });
    if (await folded.isVisible()) await folded.click();
    await page.getByRole('tab', { name, exact: true }).click();
    await title(page);
  };

function views({ junctions, devices }: City, users: Map<string, string>): View[] {
  const of = (name: string) => `junctions/${junctions.get(name) ?? ''}`;
  const hero = of('Nal Stop');
  const part = (name: string): View => ({
    name: `analysis-${name}`,
    path: `analysis?junction=${junctions.get('Nal Stop') ?? ''}&part=${name}`,
    prepare: drawn,
  });
  return [
    {
      name: 'city',
      path: '',
      prepare: async (page) => {
        await rows(page);
        await expect(page.getByTestId('junction-row').filter({ hasText: 'Stage' })).toHaveCount(10);
      },
    },
    {
      name: 'junction',
      path: hero,
      prepare: async (page) => {
        await title(page);
        await expect(page.getByTestId('timeline')).toContainText(' left');
        await expect(page.getByTestId('count-N1')).toHaveText(/\d/);
      },
    },
    { name: 'junction-fault', path: of('Hadapsar Gadital'), prepare: title },
    { name: 'junction-cycles', path: hero, prepare: past('Cycles') },
    {
      name: 'history-save',
      path: hero,
      prepare: async (page) => {
        await past('Cycles')(page);
        await press('Save as CSV …')(page);
      },
      whole: false,
    },
    { name: 'junction-overrides', path: of('Swargate'), prepare: past('Overrides') },
    { name: 'junction-plans', path: hero, prepare: past('Plans') },
    {
      name: 'override',
      path: hero,
      prepare: async (page) => {
        await press('Set greens by hand')(page);
        await page.getByLabel('Reason').fill('Procession on the main road');
        await page.getByLabel('Green of stage NS').fill('45');
        await expect(page.getByTestId('preview')).toContainText('Cycle with clearances');
        await expect(page.getByTestId('preview')).toHaveAttribute('aria-busy', 'false');
      },
      whole: false,
    },
    { name: 'emergency', path: hero, prepare: press('Emergency for a lane'), whole: false },
    ...['volumes', 'compared', 'peaks', 'splits', 'ends', 'queues', 'days'].map(part),
    { name: 'junctions', path: 'junctions', prepare: rows },
    { name: 'junction-new', path: 'junctions', prepare: press('New junction'), whole: false },
    { name: 'schedule', path: `${hero}/schedule`, prepare: title },
    { name: 'schedule-entry', path: `${hero}/schedule`, prepare: press('New entry'), whole: false },
    { name: 'layout', path: `${hero}/layout`, prepare: title },
    { name: 'setup', path: `${hero}/settings`, prepare: title },
    { name: 'devices', path: 'devices', prepare: rows },
    { name: 'device', path: `devices/${devices.get('Katraj Chowk') ?? ''}`, prepare: title },
    { name: 'enrol', path: 'devices', prepare: press('Add a device'), whole: false },
    { name: 'alarms', path: 'alarms', prepare: rows },
    { name: 'log', path: 'log', prepare: rows },
    { name: 'watchlist', path: 'watchlist', prepare: rows },
    { name: 'watch', path: 'watchlist', prepare: press('Add a vehicle'), whole: false },
    { name: 'people', path: 'users', prepare: rows },
    { name: 'person', path: `users/${users.get('ward.west') ?? ''}`, prepare: title },
    { name: 'audit', path: 'audit', prepare: rows },
    { name: 'dead-letters', path: 'dead-letters', prepare: rows },
    { name: 'settings', path: 'settings', prepare: rows },
    { name: 'account', path: 'account', prepare: title },
    { name: 'not-found', path: 'nowhere', prepare: title },
  ];
}

/** Those whose texts are long are looked at in the other language, too. */
const IN_HINDI = ['alarms', 'devices', 'schedule', 'layout', 'setup', 'account', 'watchlist', 'log'];

test('dates in fields are written day first', async ({ page }) => {
  await page.setContent('<input type="date">');
  await page.locator('input').click({ position: { x: 8, y: 8 } });
  await page.keyboard.type('13022026');
  await expect(page.locator('input')).toHaveValue('2026-02-13');
});

test('a picture of every view', async ({ page }) => {
  mkdirSync(folder, { recursive: true });
  const wrong = await shoot(page, {
    name: 'first-user',
    path: '',
    prepare: (it) => expect(it.getByRole('heading', { name: 'Set up the first administrator' })).toBeVisible(),
  });
  const first = { username: 'admin', full_name: 'Traffic control', email: 'admin@city.example', is_admin: true };
  await call('POST', '/api/users/register', null, { ...first, password: PASSWORD });
  const token = await admin();
  const built = await city(token);
  try {
    await until(
      'Nal Stop runs a plan for what was counted',
      async () => {
        const path = `/api/junctions/${built.junctions.get('Nal Stop') ?? ''}/plans/current`;
        const { plan } = await call<{ plan: Planned | null }>('GET', path, token);
        return plan?.state === 'running' && plan.explanation?.webster_cycle_s != null;
      },
      // The planner works once a minute.
      150_000,
    );
    const users = await call<{ user_id: string; username: string }[]>('GET', '/api/users/', token);
    wrong.push(
      ...(await shoot(page, {
        name: 'sign-in',
        path: '',
        prepare: (it) => expect(it.getByRole('button', { name: 'Sign in' })).toBeVisible(),
      })),
    );
    await signIn(page, 'admin');
    const all = views(built, new Map(users.map(({ username, user_id }) => [username, user_id])));
    for (const view of all) wrong.push(...(await shoot(page, view)));
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByRole('menuitem', { name: 'हिन्दी' }).click();
    for (const view of all.filter(({ name }) => IN_HINDI.includes(name)))
      wrong.push(...(await shoot(page, { ...view, name: `${view.name}-hindi` })));
    for (const name of ['city', 'junction', 'analysis-volumes', 'analysis-peaks']) {
      const view = all.find((it) => it.name === name);
      if (view) wrong.push(...(await shoot(page, { ...view, name: `${name}-hindi`, prepare: title })));
    }
  } finally {
    await built.close();
  }
  expect(wrong).toEqual([]);
});
