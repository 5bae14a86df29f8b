import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

/** Pictures of every view, for people to look at; `scripts/screenshots` runs it. */
export default defineConfig({
  ...tests,
  testDir: 'tests/screenshots',
  testMatch: '*.shots.ts',
  timeout: 1_200_000,
  projects: [{ name: 'screenshots' }],
  // Dates in fields are written as the browser speaks.
  use: {
    ...tests.use,
    // What a view does not offer is told of that view, and the others are taken all the same.
    actionTimeout: 15_000,
    launchOptions: { ...tests.use?.launchOptions, args: [...(tests.use?.launchOptions?.args ?? []), '--lang=en-GB'] },
  },
});
