import { test as base } from '@playwright/test';

export { expect } from '@playwright/test';

/** A test that also fails where a page broke, or the Content-Security-Policy had to stop something. */
export const test = base.extend<{ sound: void }>({
  sound: [
    async ({ page }, use) => {
      const broken: string[] = [];
      page.on('pageerror', (error) => broken.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && message.text().includes('Content Security Policy')) broken.push(message.text());
      });
      await use();
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
