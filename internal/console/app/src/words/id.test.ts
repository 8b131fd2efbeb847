import { expect, test } from 'vitest';
import { partsOf, shortId } from './id';

const ID = '4f1c2a770d3e4b1a9a572f0f6f0f2a114f1c2a770d3e4b1a9a572f0f6f0f2a11';

test('a hash is shown by its first eight characters', () => {
  expect(shortId('4f1c2a770d3e4b1a9a572f0f6f0f2a114f1c2a770d3e4b1a9a572f0f6f0f2a11')).toBe('4f1c2a77');
});

test.each(['backup-4f1c2a770d3e4b1a', 'aaaaaaaaaaaa', 'soteria-backup-photos-20260301-120000', ''])('%s is a name, and is kept', (name) => {
  expect(shortId(name)).toBe(name);
});

test.each([
  [`backup ${ID} of media/photos`, ['backup ', ID, ' of media/photos']],
  [`${ID}, and ${ID}.`, ['', ID, ', and ', ID, '.']],
  ['no id at all', ['no id at all']],
  [`s3://backups/snapshots/${ID} and sha256-${ID} and ${ID}f are no ids alone`, [`s3://backups/snapshots/${ID} and sha256-${ID} and ${ID}f are no ids alone`]],
])('%s is parted at its ids', (text, parts) => {
  expect(partsOf(text)).toEqual(parts);
});
