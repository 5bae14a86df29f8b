import type { Page } from '@playwright/test';
import type axe from 'axe-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious, as text. */
export async function faults(page: Page): Promise<string[]> {
  // Mantine moves what it shows in; what is half-way there is no fault of contrast. What changes now begins with the next frame, and a colour
  // that is inherited goes on from each element to those in it: the page is at rest when nothing has moved for some frames.
  await page.evaluate(async () => {
    const end = performance.now() + 10_000;
    const after = (ms: number) => new Promise((done) => setTimeout(done, ms));
    for (let still = 0; still < 5; still++) {
      // A page in the background is drawn no more, and no frame comes.
      await Promise.race([new Promise((done) => requestAnimationFrame(done)), after(1000)]);
      // What turns for ever, as a wheel does that stands for work, has no end to wait for.
      const moving = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
      if (moving.length > 0) still = 0;
      if (performance.now() > end) {
        const what = moving.map(
          ({ effect, playState }) =>
            `${(effect as KeyframeEffect).target?.outerHTML.slice(0, 160) ?? ''} is ${playState}`,
        );
        throw new Error(`the page does not come to rest: ${what.join('; ')}`);
      }
      await Promise.all(moving.map(({ finished }) => Promise.race([finished.catch(() => null), after(1000)])));
    }
  });
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] }),
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`));
}
