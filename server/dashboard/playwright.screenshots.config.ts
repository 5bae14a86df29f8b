import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

/** Pictures of every view, for people to look at; `scripts/screenshots` runs it. */
export default defineConfig({
  ...tests,
  testDir: 'tests/screenshots',
  testMatch: '*.shots.ts',
  timeout: 1_200_000,
  projects: [{ name: 'screenshots' }],
  use: {
    ...tests.use,
    // What a view does not offer is told of that view, and the others are taken all the same.
    actionTimeout: 15_000,
    // Dates in fields are written as the browser itself speaks, which on Linux the environment says.
    launchOptions: {
      ...tests.use?.launchOptions,
      env: { ...(process.env as Record<string, string>), LANGUAGE: 'en_IN' },
    },
  },
});
