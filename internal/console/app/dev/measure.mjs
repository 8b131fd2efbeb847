// Measures the built console in a browser and prints what it found: `node dev/measure.mjs [address]`, with dev/mock.mjs
// running. How long until the overview is usable, and how many frames of a fast scroll through the inventory had a hole.
import { chromium } from 'playwright-core';

const [address = 'http://127.0.0.1:8090'] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });

await page.goto(address);
await page.getByRole('heading', { name: /claims?, .* fresh/ }).waitFor();
const usable = await page.evaluate(() => performance.now());
const transferred = await page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/assets/')).reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0));

await page.goto(`${address}/inventory`);
await page.getByRole('table').waitFor();
const rows = await page.getByRole('table').getAttribute('aria-rowcount');
const scroll = await page.evaluate(async () => {
  const body = document.querySelector('.inventory-body');
  const frame = () => new Promise((resolve) => requestAnimationFrame((now) => setTimeout(() => resolve(now))));
  let blank = 0;
  let slow = 0;
  let frames = 0;
  let last = await frame();
  while (window.scrollY + window.innerHeight < document.documentElement.scrollHeight - 5 && frames < 600) {
    window.scrollBy(0, 400);
    const now = await frame();
    frames++;
    if (now - last > 50) slow++;
    last = now;
    const spots = [200, 420, 640, 820].filter((y) => y > body.getBoundingClientRect().top && y < body.getBoundingClientRect().bottom);
    if (spots.some((y) => !document.elementFromPoint(640, y)?.closest('[role="row"]'))) blank++;
  }
  return { frames, blank, slow };
});
console.log(JSON.stringify({ usable_ms: Math.round(usable), assets_bytes: transferred, rows: Number(rows), ...scroll }));
await browser.close();
