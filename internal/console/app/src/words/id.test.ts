import { expect, test } from 'vitest';
import { shortId } from './id';

test('a hash is shown by its first eight characters', () => {
  expect(shortId('4f1c2a770d3e4b1a9a572f0f6f0f2a114f1c2a770d3e4b1a9a572f0f6f0f2a11')).toBe('4f1c2a77');
});

test.each(['backup-4f1c2a770d3e4b1a', 'aaaaaaaaaaaa', 'soteria-backup-photos-20260301-120000', ''])('%s is a name, and is kept', (name) => {
  expect(shortId(name)).toBe(name);
});
