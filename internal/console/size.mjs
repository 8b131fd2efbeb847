// Prints how much a browser gets, compressed, before the first view can be used,
// and fails if that is more than it may be.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

const LIMIT = 250_000;
const dist = join(import.meta.dirname, "dist");

async function gzipped(name) {
  const file = join(dist, name);
  const { size } = await stat(file + ".gz").catch(() => stat(file));
  return size;
}

const page = await readFile(join(dist, "index.html"), "utf8");
const needed = new Set(["index.html", ...[...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name)]);
let total = 0;
for (const name of needed) {
  const bytes = await gzipped(name);
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  ${name}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  first view, gzip, of at most ${LIMIT / 1000} kB`);
if (total > LIMIT) process.exit(1);
