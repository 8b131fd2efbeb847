import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

/** A machine that runs a cluster beside the browser is slow: nothing is timed here, all is waited for. */
const MINUTE = 60_000;

/** Which tests are rehearsed against a made-up Soteria, which is quick: rehearse.mjs says so. */
const rehearsal = process.env.REHEARSAL;

export default defineConfig({
  testDir: 'tests',
  outputDir: join('results', rehearsal ?? ''),
  timeout: rehearsal ? MINUTE : 6 * MINUTE,
  expect: { timeout: rehearsal ? 20_000 : 2 * MINUTE },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL: process.env.SOTERIA_URL,
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      // Root, as the cluster's own machine has it, has no sandbox; a small /dev/shm would end the browser.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    },
    viewport: { width: 1280, height: 900 },
    colorScheme: 'dark',
    timezoneId: 'UTC',
    locale: 'en-GB',
    actionTimeout: rehearsal ? 10_000 : 2 * MINUTE,
    navigationTimeout: MINUTE,
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
  },
});
