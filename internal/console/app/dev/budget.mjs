// Prints what the first view weighs, compressed, and fails where that is more than 250 kB: `node dev/budget.mjs`, after a build.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 250_000;
const dist = join(import.meta.dirname, '..', 'dist');
const index = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/.test(index)) throw new Error('index.html holds inline code or styles, which the Content-Security-Policy forbids');
const files = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file);
const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, gzipSync(index).length);
console.log(`first view: ${(bytes / 1000).toFixed(1)} kB compressed, in ${files.length} files, of ${BUDGET / 1000} kB`);
if (bytes > BUDGET) process.exit(1);
