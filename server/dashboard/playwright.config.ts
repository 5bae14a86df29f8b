import { defineConfig } from '@playwright/test';

/** Debian's Chromium, which asks nobody in the network for anything. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'tests',
  globalSetup: './tests/support/start.ts',
  outputDir: 'test-results',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  // Each test has a junction of its own, but the machine has few cores.
  workers: 1,
  forbidOnly: true,
  reporter: [['list'], ['./tests/support/shortly.ts']],
  // The first administrator can register only while nobody is there.
  projects: [
    { name: 'sign-in', testMatch: 'signin.spec.ts' },
    { name: 'views', testIgnore: 'signin.spec.ts', dependencies: ['sign-in'] },
  ],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: 'en-IN',
    timezoneId: 'Asia/Kolkata',
    // A dialog that fades out is one dialog too many for the next step; tests that look at motion ask for it.
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags },
  },
});
