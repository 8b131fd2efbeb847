// Puts the console that Vite built, app/dist, into dist, which Go embeds: each
// file, and beside it its gzip and brotli forms where they are smaller.
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = import.meta.dirname;
const from = join(here, "app", "dist");
const into = join(here, "dist");

const compressors = {
  ".gz": (content) => gzipSync(content, { level: constants.Z_BEST_COMPRESSION }),
  ".br": (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
};

await readFile(join(from, "index.html")); // nothing is removed unless there is something new
for (const name of await readdir(into)) {
  if (name !== ".gitkeep") await rm(join(into, name), { recursive: true });
}
await cp(from, into, { recursive: true });

for (const entry of await readdir(into, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.startsWith(".")) continue;
  const file = join(entry.parentPath, entry.name);
  const content = await readFile(file);
  for (const [extension, compress] of Object.entries(compressors)) {
    const smaller = compress(content);
    if (smaller.length < 0.95 * content.length) await writeFile(file + extension, smaller);
  }
}
