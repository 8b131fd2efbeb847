import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The selectors of all rules of the inventory that hide something, at whatever width. */
function hidden(): string[] {
  const css = readFileSync('src/styles/views/inventory.css', 'utf8').replace(/\/\*[^]*?\*\//g, '');
  return [...css.matchAll(/([^{}]+)\{([^{}]*)\}/g)].flatMap(([, selectors = '', body = '']) => (/display:\s*none/.test(body) ? selectors.split(',').map((each) => each.trim()) : []));
}

test('what a claim is called, how it stands and how old its newest backup is stay in sight at any width', () => {
  const selectors = hidden();
  expect(selectors).toContain('.cell-days');
  for (const column of ['.cell-name', '.cell-state', '.cell-age']) expect(selectors.filter((each) => each.endsWith(column))).toEqual([]);
  // The heads of these columns are the first three.
  expect(selectors.filter((each) => /nth-child\(([123]|n|n \+ [123])\)/.test(each))).toEqual([]);
});
