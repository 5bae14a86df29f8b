import { expect, test } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { address, admin, call } from './support/city';
import { JUNCTIONS, Metropolis } from './support/metropolis';
import { signIn } from './support/page';
import { longestTaskMs } from './support/tasks';
import { until } from './support/until';

/** How long the page is watched once it is there, seconds. */
const WATCHED_S = 60;

/** What is promised: in kB and MB of the SI. */
const MOST = { firstMs: 1500, scriptKb: 350, taskMs: 50, heapMb: 60 };
/** How much longer times may be where nobody knows how fast the machine is: scripts/bench dashboard --figures allows nothing. */
const SLACK = process.env.FLEXTRAFF_BENCH_STRICT ? 1 : 3;

/** Other programs take turns with the browser: a try in which they take least says most. */
const STARTS = 6;
/** A page with a long task of its own has it in each minute. */
const MINUTES = 2;

/** Busy work that takes about so long on the processor, milliseconds. */
const CALIBRATION_MS = 150;

// A trace of the page would be most of what is measured.
test.use({ trace: 'off' });

test('a city of 500 junctions is there soon, stays smooth while they change, and small', async ({
  page,
  browser,
}, info) => {
  test.setTimeout(600_000);
  const token = await admin();
  const city = await Metropolis.open(token);
  try {
    let scripts = 0;
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    const names = new Map<string, string>();
    devtools.on('Network.responseReceived', ({ requestId, response }) => names.set(requestId, response.url));
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (names.get(requestId)?.endsWith('.js')) scripts += encodedDataLength;
    });
    // Time on the processor, which other programs on the machine do not lengthen.
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const taskMs = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
    };
    /** How many times longer than on a machine that does nothing else something takes at present: an empty page is busy, by the clock and on the processor. */
    const blank = await (await browser.newContext()).newPage();
    const calibrated = await blank.context().newCDPSession(blank);
    await calibrated.send('Performance.enable', { timeDomain: 'threadTicks' });
    const slowdown = async () => {
      const onProcessor = async () => {
        const { metrics } = await calibrated.send('Performance.getMetrics');
        return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
      };
      const before = await onProcessor();
      const clockMs = await blank.evaluate((ms) => {
        const [start, rounds] = [performance.now(), ms * 200_000];
        let sum = 0;
        for (let at = 0; at < rounds; at++) sum = (sum * 31 + at) % 65_521;
        return sum < 0 ? 0 : performance.now() - start;
      }, CALIBRATION_MS);
      const spentMs = (await onProcessor()) - before;
      // Without a measure every page is fast.
      expect(spentMs, 'time on the processor of an empty page that is busy').toBeGreaterThan(CALIBRATION_MS / 10);
      return Math.max(1, clockMs / spentMs);
    };
    const rows = page.getByTestId('junction-row');
    await signIn(page, 'admin');
    await expect(rows).toHaveCount(100);
    // Junctions of other tests may be there as well.
    const total = page.getByTestId('total-junctions');
    await expect.poll(async () => Number(/\d+/.exec(await total.innerText())?.[0])).toBeGreaterThanOrEqual(JUNCTIONS);

    // Cold but for the session: what a person waits for in the morning.
    const starts: { firstMs: number; taskMs: number; slowdown: number }[] = [];
    for (let at = 0; at < STARTS; at++) {
      const before = await slowdown();
      await devtools.send('Network.clearBrowserCache');
      scripts = 0;
      const start = performance.now();
      await page.goto(`${address()}/app/`);
      await rows.first().waitFor();
      const firstMs = performance.now() - start;
      starts.push({ firstMs, taskMs: await taskMs(), slowdown: (before + (await slowdown())) / 2 });
      await expect(page.getByTestId('live')).toHaveAttribute('data-state', 'live');
    }
    const scriptKb = scripts / 1000;
    await blank.context().close();
    const told = rows.filter({ hasText: 'green' });
    await until('lamps are shown live', async () => (await told.count()) > 20, 90_000);

    // What a task takes on the processor, which other programs do not lengthen.
    const watched = async () => {
      const [seconds, longest]: [number[], number[]] = [[], []];
      for (let minute = 0; minute < MINUTES && !(Math.min(...longest) <= MOST.taskMs); minute++) {
        await browser.startTracing(page, { categories: ['toplevel'] });
        for (let second = 0; second < WATCHED_S; second++) {
          const before = await taskMs();
          await page.waitForTimeout(1000);
          seconds.push(Math.round((await taskMs()) - before));
        }
        longest.push(longestTaskMs(await browser.stopTracing()));
      }
      return { seconds, longestMs: Math.min(...longest) };
    };
    const { seconds, longestMs } = await watched();
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    // A device at each junction, of which three tell each second how they are: the other long list that is left open.
    await city.enrol(token, JUNCTIONS);
    // Those that have not been heard yet come first in the whole list.
    await page.goto(`${address()}/app/devices?state=online`);
    const devices = page.getByRole('table', { name: 'Devices' }).locator('tbody tr');
    await expect(devices).toHaveCount(50, { timeout: 120_000 });
    const ofDevices = await watched();
    const middle = (of: number[]) => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? NaN;
    const taskMsOfStart = middle(starts.map(({ taskMs }) => taskMs));
    const figures = {
      bench: 'dashboard figures',
      first_ms: Math.min(...starts.map(({ firstMs }) => firstMs)),
      // Never less than the page's own work: how busy the machine is changes between two looks at it.
      first_ms_alone: Math.max(taskMsOfStart, middle(starts.map((one) => one.firstMs / one.slowdown))),
      slowdown: middle(starts.map((one) => one.slowdown)),
      first_task_ms: taskMsOfStart,
      script_kb: scriptKb,
      second_ms: middle(seconds),
      longest_task_ms: longestMs,
      devices_second_ms: middle(ofDevices.seconds),
      devices_longest_task_ms: ofDevices.longestMs,
      heap_mb: usedSize / 1e6,
    };
    const line = JSON.stringify(figures);
    await info.attach('figures', { body: line, contentType: 'application/json' });
    process.stdout.write(`${line}\n`);
    const { FLEXTRAFF_BENCH_FILE: file } = process.env;
    if (file) writeFileSync(file, `${line}\n`);
    expect(figures.first_ms_alone, 'first view usable, ms').toBeLessThanOrEqual(SLACK * MOST.firstMs);
    expect(figures.script_kb, 'JavaScript of the first view, kB').toBeLessThanOrEqual(MOST.scriptKb);
    expect(figures.longest_task_ms, 'longest task, ms').toBeLessThanOrEqual(SLACK * MOST.taskMs);
    expect(figures.devices_longest_task_ms, 'longest task with 500 devices, ms').toBeLessThanOrEqual(
      SLACK * MOST.taskMs,
    );
    expect(figures.heap_mb, 'JavaScript heap, MB').toBeLessThanOrEqual(MOST.heapMb);
  } finally {
    await city.close();
    for (const id of city.ids) await call('DELETE', `/api/junctions/${id}`, token);
  }
});
