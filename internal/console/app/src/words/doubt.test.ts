import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { doubtsAbout, doubtsOf, waitingIn, waitingInWords } from './doubt';

const photos = { namespace: 'media', pvc: 'photos' };

describe('what is in doubt of the repositories', () => {
  test('is told by its kind, in the API’s words, with the command that settles it', () => {
    expect(doubtsOf(golden.statusDoubts.listings).map(({ title, settle }) => [title, settle])).toEqual([
      ['Nothing says that the restic repository holds all that it should', 'soteria repository accept 5e1f'],
      ['A backup system that held backups is not looked at any more', 'soteria repository forget longhorn'],
      ['The restic repository may hold more than is known', undefined],
    ]);
  });

  test('is told once where every listing says the same', () => {
    const dropped = { code: 'repository_dropped', message: 'longhorn is not looked at any more' };
    expect(doubtsOf([{ driver: 'restic', listed_at: null, doubts: [dropped] }, { driver: 's3', listed_at: null, doubts: [dropped] }])).toHaveLength(1);
  });

  test('is told by a Soteria of an earlier version, too, and no command is cut out of its words', () => {
    expect(doubtsOf([{ driver: 'restic', listed_at: null, unproved: 'accept it with: soteria repository accept 5e1f' }])).toEqual([
      expect.not.objectContaining({ settle: expect.anything() as unknown }),
    ]);
  });
});

test('only held claims without a known backup wait for a doubt', () => {
  const claims = [
    { health_reason: 'held', backup_count: 0 },
    { health_reason: 'held', hold_reason: 'CheckingForBackups', backup_count: 0 },
    { health_reason: 'held', backup_count: 2 },
    { health_reason: 'no_backups', backup_count: 0 },
  ];
  expect(waitingIn(claims)).toBe(1);
  expect(waitingInWords(1)).toMatch(/^1 claim without a known backup waits now/);
  expect(waitingInWords(2)).toMatch(/^2 claims without a known backup wait now/);
  expect(waitingInWords(0)).toBe('No claim waits for it now.');
});

describe('what is in doubt of a claim', () => {
  test('is said once, though the status and the list of backups both tell it', () => {
    expect(doubtsAbout(photos, golden.statusDoubts, golden.backupsMissing)).toMatchObject([{ title: 'The newest backup of this claim is gone', settle: 'soteria repository accept --claim media/photos' }]);
  });

  test('is said where the status names only the first of many claims', () => {
    expect(doubtsAbout(photos, { missing: [] }, golden.backupsMissing)).toMatchObject([{ detail: golden.backupsMissing.doubt, settle: 'soteria repository accept --claim media/photos' }]);
  });

  test('is nothing of another claim’s', () => {
    expect(doubtsAbout({ namespace: 'media', pvc: 'music' }, golden.statusDoubts, golden.backups)).toEqual([]);
  });
});
