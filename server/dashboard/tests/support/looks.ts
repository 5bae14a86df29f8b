import type { Page } from '@playwright/test';

/** Screens that each view is usable on, CSS pixels. */
export const SCREENS = {
  'a phone': { width: 390, height: 844 },
  'a small notebook': { width: 1280, height: 800 },
} as const;

/** Whether the view fits a screen, with all that folds there opened: nothing is to be scrolled sideways. */
export async function fits(page: Page, screen: keyof typeof SCREENS): Promise<boolean> {
  const before = page.viewportSize();
  await page.setViewportSize(SCREENS[screen]);
  // What asks for the size of the window is drawn anew with the next frames.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const fit = await page
    .waitForFunction(
      (width) => {
        const folded = [...document.querySelectorAll<HTMLElement>('main h2 button[aria-expanded=false]')];
        for (const title of folded) title.click();
        const waits = document.querySelector('.mantine-Skeleton-root[data-visible]') !== null;
        return folded.length === 0 && !waits && innerWidth === width && document.documentElement.scrollWidth <= width;
      },
      SCREENS[screen].width,
      { timeout: 10_000 },
    )
    .then(
      () => true,
      () => false,
    );
  if (before) await page.setViewportSize(before);
  return fit;
}
