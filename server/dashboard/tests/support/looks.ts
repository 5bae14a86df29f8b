import type { Page } from '@playwright/test';

/** Whether the view fits a phone: nothing is to be scrolled sideways. */
export async function fitsPhone(page: Page): Promise<boolean> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  const fits = await page
    .waitForFunction(() => document.documentElement.scrollWidth <= 390, null, { timeout: 5000 })
    .then(
      () => true,
      () => false,
    );
  if (before) await page.setViewportSize(before);
  return fits;
}
