import { expect, test } from 'vitest';
import { nearestName } from './near';

const KNOWN = ['media', 'mail', 'monitoring', 'db'];

test.each([
  ['meida', 'media'],
  ['medai', 'media'],
  ['medi', 'media'],
  ['monitorng', 'monitoring'],
  ['media', null],
  ['production', null],
  ['', null],
  ['xy', null],
])('%s is meant for %s', (typed, meant) => {
  expect(nearestName(typed, KNOWN)).toBe(meant);
});
