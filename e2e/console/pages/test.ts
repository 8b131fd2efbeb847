import { join } from 'node:path';
import { test as base, type Page } from '@playwright/test';

export { expect } from '@playwright/test';

/** Where rehearse.mjs wants a picture of what each test leaves on the screen; it says nothing where none is wanted. */
const PICTURES = process.env.PICTURES;

async function picture(page: Page, title: string): Promise<void> {
  if (PICTURES === undefined || page.url() === 'about:blank') return;
  await page.screenshot({ path: join(PICTURES, `${title.replaceAll(/[^a-z0-9]+/gi, '-')}.png`), fullPage: true, animations: 'disabled' });
}

/**
 * Has Node fetch what the page asks for. Chromium breaks off whatever it fetches when a network interface comes or goes
 * (ERR_NETWORK_CHANGED), as they do with the pods of a cluster on the same machine.
 */
async function fetchCalmly(page: Page): Promise<void> {
  await page.context().route('**/*', async (route) => route.fulfill({ response: await route.fetch({ maxRedirects: 0 }) }));
}

/** A test that also fails where a page broke, or the Content-Security-Policy had to stop something. */
export const test = base.extend<{ sound: void }>({
  sound: [
    async ({ page }, use, info) => {
      const broken: string[] = [];
      page.on('pageerror', (error) => broken.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && message.text().includes('Content Security Policy')) broken.push(message.text());
      });
      await fetchCalmly(page);
      await use();
      await picture(page, info.titlePath.join(' ').replace('.spec.ts', ''));
      await page.context().unrouteAll({ behavior: 'ignoreErrors' });
      base.expect(broken, 'what broke in the page').toEqual([]);
    },
    { auto: true },
  ],
});

/** Gives what the scenario around the test says of the cluster. */
export function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the scenarios in e2e/scenarios/console_test.go run these tests`);
  return value;
}
