// Measures the console that is built in against claims that are made up, and prints
// figures: how soon the first view can be used with 2,000 claims, and whether the
// inventory of 10,000 scrolls without a blank frame. It asserts nothing.
import { chromium } from "playwright-core";
import { beside, withServer } from "./made-up.mjs";

const ROUNDS = 7;

const median = (figures) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)];

/** How long after the start of the navigation the overview shows its counts, with an empty cache. */
async function firstView(browser, address) {
  const times = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector(".freshness")) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => (window.usableAt = performance.now())));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(address);
    await page.waitForFunction(() => window.usableAt !== undefined);
    times.push(await page.evaluate(() => window.usableAt));
    bytes = await page.evaluate(() => performance.getEntriesByType("resource").reduce((sum, { encodedBodySize, name }) => sum + (name.includes("/assets/") ? encodedBodySize : 0), 0));
    await context.close();
  }
  console.log(`first view, 2,000 claims: usable after ${median(times).toFixed(0)} ms (median of ${ROUNDS}, slowest ${Math.max(...times).toFixed(0)} ms), ${(bytes / 1000).toFixed(0)} kB of assets as sent`);
}

/** Scrolls the inventory through and looks in each frame whether a row is in the middle of the window. */
async function scrolling(browser, address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${address}/inventory`);
  await page.getByRole("table", { name: "Claims" }).waitFor();
  const { rows, frames, blank, slowest, slow } = await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const table = document.querySelector('[role="table"]');
    const isRow = (y) => document.elementFromPoint(innerWidth / 2, y)?.closest('[role="row"]') != null;
    let frames = 0, blank = 0, slow = 0, slowest = 0;
    let before = await frame();
    for (let y = 0; y < document.documentElement.scrollHeight - innerHeight; y += 450) {
      scrollTo(0, y);
      const now = await frame();
      frames++;
      slowest = Math.max(slowest, now - before);
      if (now - before > 34) slow++;
      before = now;
      if (y > innerHeight && !(isRow(innerHeight * 0.3) && isRow(innerHeight * 0.6) && isRow(innerHeight * 0.9))) blank++;
    }
    return { rows: Number(table.getAttribute("aria-rowcount")), frames, blank, slow, slowest };
  });
  console.log(`scrolling ${rows.toLocaleString("en")} rows: ${frames} frames of half a window each, ${blank} blank, ${slow} longer than two frames of 60 a second, slowest ${slowest.toFixed(0)} ms`);
  await page.close();
}

await withServer(async (server) => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  await beside(server, { claims: 2000 }, (address) => firstView(browser, address));
  await beside(server, { claims: 10_000 }, (address) => scrolling(browser, address));
  await browser.close();
});
