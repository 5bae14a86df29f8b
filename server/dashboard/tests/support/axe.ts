import { expect, type Page } from '@playwright/test';
import axe, { type AxeResults } from 'axe-core';

/** Checks that nothing on the page is in the way of people who do not see it or have no mouse. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe: checker } = window as unknown as { axe: { run: () => Promise<AxeResults> } };
    const found = await checker.run();
    return found.violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(' | ')}`);
  });
  expect(violations).toEqual([]);
}
