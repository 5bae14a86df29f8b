import type { Page } from '@playwright/test';

/** Pictures of a view for a person to look at, light, dark and on a phone, where `FLEXTRAFF_PICTURES` names a folder. */
export async function pictures(page: Page, name: string): Promise<void> {
  const folder = process.env.FLEXTRAFF_PICTURES;
  if (!folder) return;
  const before = page.viewportSize();
  await page.screenshot({ path: `${folder}/${name}-light.png` });
  await page.evaluate(() => document.documentElement.setAttribute('data-mantine-color-scheme', 'dark'));
  await page.screenshot({ path: `${folder}/${name}-dark.png` });
  await page.evaluate(() => document.documentElement.setAttribute('data-mantine-color-scheme', 'light'));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${folder}/${name}-phone.png` });
  if (before) await page.setViewportSize(before);
}
