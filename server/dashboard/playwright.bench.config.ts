import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

/** The dashboard over hours; `scripts/bench dashboard` runs it. */
export default defineConfig({
  ...tests,
  testDir: 'tests/bench',
  testMatch: '*.bench.ts',
  // Of its own: the folder is emptied by whoever starts.
  outputDir: '../../target/bench/dashboard',
  timeout: 0,
  projects: [{ name: 'bench' }],
  // What a trace keeps of the page would be measured with it.
  use: { ...tests.use, trace: 'off', actionTimeout: 15_000 },
});
