import type { Page } from '@playwright/test';

/** Pictures of a view for a person to look at, light, dark and on a phone, where `FLEXTRAFF_PICTURES` names a folder. */
export async function pictures(page: Page, name: string): Promise<void> {
  const folder = process.env.FLEXTRAFF_PICTURES;
  if (!folder) return;
  const before = page.viewportSize();
  const scheme = (value: string) =>
    page.evaluate((it) => document.documentElement.setAttribute('data-mantine-color-scheme', it), value);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.screenshot({ path: `${folder}/${name}-light.png` });
  await scheme('dark');
  await page.screenshot({ path: `${folder}/${name}-dark.png` });
  await scheme('light');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${folder}/${name}-phone.png`, animations: 'disabled' });
  if (before) await page.setViewportSize(before);
}

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
