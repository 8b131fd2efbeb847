// Prints what the first view weighs, compressed, and fails where that is more than 250 kB: `node dev/budget.mjs`, after a build.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 250_000;
const dist = join(import.meta.dirname, '..', 'dist');
const index = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/.test(index)) throw new Error('index.html holds inline code or styles, which the Content-Security-Policy forbids');
const files = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file);
const weigh = (file) => {
  const { length } = gzipSync(readFileSync(join(dist, file)));
  console.log(`${(length / 1000).toFixed(1).padStart(8)} kB  ${file}`);
  return length;
};
const bytes = ['index.html', ...new Set(files)].reduce((sum, file) => sum + weigh(file), 0);
console.log(`first view: ${(bytes / 1000).toFixed(1)} kB gzip, of at most ${BUDGET / 1000} kB`);
if (bytes > BUDGET) process.exit(1);
