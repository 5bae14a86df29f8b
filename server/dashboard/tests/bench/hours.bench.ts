import { type Browser, type CDPSession, expect, type Locator, type Page, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { admin } from '../support/city';
import { history } from '../support/history';
import { Metropolis } from '../support/metropolis';
import { signIn, watchConsole } from '../support/page';
import { slope } from './slope';

const MINUTES = Number(process.env.FLEXTRAFF_BENCH_MINUTES ?? '60');
const FILE = process.env.FLEXTRAFF_BENCH_FILE ?? '';
/** The administrator of a server that runs already; without one there is a city of this bench's own. */
const PASSWORD_THERE = process.env.FLEXTRAFF_BENCH_AT ? (process.env.FLEXTRAFF_BENCH_PASSWORD ?? '') : undefined;
/** So long somebody looks at each view, milliseconds: what is drawn once a second is drawn. */
const LOOK_MS = 1200;

/** From so long on slopes are judged. */
const JUDGED_MINUTES = 30;
/** More than this is a leak: each view is looked at more than 80 times an hour, and one that leaves a row or a handler behind exceeds it. */
const MOST_PER_HOUR = { heapMb: 4, nodes: 200, listeners: 50 };

interface Row {
  /** Since the first row. */
  minutes: number;
  rounds: number;
  heapMb: number;
  nodes: number;
  listeners: number;
  rssMb: number;
}

/** Opens a view by a link or a tab and waits until it is there. */
async function visit(page: Page, way: Locator): Promise<void> {
  await way.click();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('.mantine-Skeleton-root[data-visible]')).toHaveCount(0);
  await page.waitForTimeout(LOOK_MS);
}

/** Each view of the navigation, all parts of the analysis, all pages of a junction, and back to the city; never a new document. */
async function round(page: Page): Promise<void> {
  const menu = page.locator('nav').first();
  const count = await menu.getByRole('link').count();
  for (let at = 0; at < count; at++) {
    await visit(page, menu.getByRole('link').nth(at));
    if (page.url().includes('/analysis')) for (const part of await page.getByRole('tab').all()) await visit(page, part);
  }
  const city = menu.getByRole('link').first();
  await visit(page, city);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await visit(page, page.getByTestId('junction-row').first().getByRole('link').first());
  for (const tab of await page.getByRole('tab').all()) await visit(page, tab);
  const pages = page.getByRole('navigation', { name: 'Pages' });
  for (const name of ['Schedule', 'Lanes and stages', 'Settings', 'Live'])
    await visit(page, pages.getByRole('link', { name, exact: true }));
  await page.getByRole('button', { name: 'Set greens by hand' }).click();
  await page.keyboard.press('Escape');
  await visit(page, city);
}

/** Resident memory of the process that draws the page, MiB: of those that draw the one that has worked most. */
async function rssMb(devtools: CDPSession): Promise<number> {
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer').sort((a, b) => b.cpuTime - a.cpuTime);
  const status = readFileSync(`/proc/${renderers[0]?.id}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function measure(browser: Browser, page: Page): Promise<() => Promise<Omit<Row, 'minutes' | 'rounds'>>> {
  const devtools = await page.context().newCDPSession(page);
  const whole = await browser.newBrowserCDPSession();
  await devtools.send('Performance.enable');
  return async () => {
    // Twice: what the first one finds to be finalized goes with the second.
    for (let at = 0; at < 2; at++) await devtools.send('HeapProfiler.collectGarbage');
    const { metrics } = await devtools.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
    return {
      heapMb: of('JSHeapUsedSize') / 2 ** 20,
      nodes: of('Nodes'),
      listeners: of('JSEventListeners'),
      rssMb: await rssMb(whole),
    };
  };
}

/** A large city that moves, and a first junction with something to analyse. */
async function largeCity(): Promise<Metropolis> {
  const city = await Metropolis.open(await admin(), { devices: 100 });
  await history(city.ids[0] ?? '', 2);
  return city;
}

test('the dashboard needs no more as the hours go by', async ({ page, browser }) => {
  const city = PASSWORD_THERE === undefined ? await largeCity() : undefined;
  const rows: Row[] = [];
  try {
    const complaints = watchConsole(page);
    await signIn(page, 'admin', { password: PASSWORD_THERE });
    const look = await measure(browser, page);
    // Scripts of all views, and what the first look at each keeps.
    await round(page);
    const start = Date.now();
    const minutes = () => (Date.now() - start) / 60_000;
    for (let rounds = 0, due = 0; ; rounds++) {
      if (minutes() >= due) {
        const row = { minutes: minutes(), rounds, ...(await look()) };
        rows.push(row);
        const { heapMb, nodes, listeners } = row;
        const cells = [row.minutes.toFixed(1), rounds, heapMb.toFixed(1), nodes, listeners, row.rssMb.toFixed(0)];
        if (rows.length === 1) process.stdout.write('  min rounds heap MB  nodes listeners RSS MB\n');
        process.stdout.write(
          `${cells.map((cell, at) => String(cell).padStart([5, 6, 7, 6, 9, 6][at] ?? 0)).join(' ')}\n`,
        );
        due = Math.floor(minutes()) + 1;
        if (minutes() >= MINUTES) break;
      }
      await round(page);
    }
    expect(complaints).toEqual([]);
  } finally {
    await city?.close();
  }
  const half = rows.slice(Math.floor(rows.length / 2));
  const perHour = (of: (row: Row) => number) => 60 * slope(half.map((row) => [row.minutes, of(row)]));
  const last = rows.at(-1);
  const result = {
    bench: 'dashboard',
    ...last,
    heap_mb_per_hour: perHour(({ heapMb }) => heapMb),
    nodes_per_hour: perHour(({ nodes }) => nodes),
    listeners_per_hour: perHour(({ listeners }) => listeners),
    rss_mb_per_hour: perHour((row) => row.rssMb),
  };
  writeFileSync(FILE, `${JSON.stringify(result)}\n`);
  // The slope of a few minutes is what the last round left, not what hours add.
  if (MINUTES < JUDGED_MINUTES) return;
  expect(result.heap_mb_per_hour, 'heap, MB per hour').toBeLessThan(MOST_PER_HOUR.heapMb);
  expect(result.nodes_per_hour, 'DOM nodes per hour').toBeLessThan(MOST_PER_HOUR.nodes);
  expect(result.listeners_per_hour, 'listeners per hour').toBeLessThan(MOST_PER_HOUR.listeners);
});
