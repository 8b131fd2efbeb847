// Takes screenshots of every view and has axe look at each: `node dev/look.mjs <folder> [address]`, with dev/mock.mjs running.
// It fails where axe finds a violation, where something is wider than the window, or where the policy blocked something.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [folder, address = 'http://127.0.0.1:8090'] = process.argv.slice(2);
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const VIEWS = {
  overview: '/',
  inventory: '/inventory',
  filtered: '/inventory?state=held',
  claim: '/claims/team-000/photos-0',
  held: '/claims/team-001/cache-0',
  orphan: '/claims/attic/wiki',
  restore: '/restore?namespace=team-000&pvc=photos-0',
  conflict: '/restore?namespace=team-000&pvc=photos-0&as=media-0',
  namespace: '/restore?of=namespace&namespace=team-000&prefix=back-',
  restores: '/restores',
  plan: '/plan',
  policies: '/policies',
  editor: '/policies',
  undo: '/policies',
  backup: '/claims/team-000/photos-0',
  batch: '/inventory?ns=team-000',
  storage: '/storage',
  nowhere: '/nowhere',
};
/** What is done in a view before it is looked at. */
const STEPS = {
  editor: async (page) => {
    await page.getByRole('button', { name: 'New policy' }).click();
    await page.getByRole('combobox', { name: 'Namespace' }).fill('team-000');
    await page.getByRole('combobox', { name: 'When' }).selectOption('schedule');
    await page.getByRole('textbox', { name: 'Schedule' }).fill('CRON_TZ=Europe/Berlin 30 3 * * 1-5');
    await page.waitForTimeout(300);
  },
  undo: async (page) => {
    await page.getByRole('button', { name: 'Pause the policy' }).first().click();
    await page.waitForTimeout(800);
    await page.getByRole('button', { name: 'Go on with the policy' }).first().click();
    await page.waitForTimeout(800);
  },
  backup: async (page) => {
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.waitForTimeout(800);
  },
  batch: async (page) => {
    await page.getByRole('button', { name: 'Back up all claims of team-000' }).click();
    await page.waitForTimeout(800);
  },
};
const LOOKS = { dark: { colorScheme: 'dark', viewport: { width: 1280, height: 860 } }, light: { colorScheme: 'light', viewport: { width: 1280, height: 860 } }, phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } } };

const faults = [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [look, options] of Object.entries(LOOKS)) {
  const context = await browser.newContext({ ...options, bypassCSP: false });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && !message.text().includes("409") && faults.push(`${look}: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`${look}: ${error.message}`));
  for (const [view, path] of Object.entries(VIEWS)) {
    await page.goto(address + path);
    await page.waitForTimeout(1500);
    await STEPS[view]?.(page);
    await page.screenshot({ path: join(folder, `${view}-${look}.png`) });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    if (wide) faults.push(`${view}, ${look}: the page is wider than the window`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const { id, nodes } of violations) faults.push(`${view}, ${look}: ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')} ${nodes[0].failureSummary}`);
  }
  await context.close();
}
await browser.close();
for (const fault of faults) console.log(fault);
process.exit(faults.length > 0 ? 1 : 0);
