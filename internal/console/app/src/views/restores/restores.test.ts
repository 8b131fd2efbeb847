import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { phasesInWords, readRestoresSearch, split } from './search';

const at = (pvc: string, phase: string, retry_at: string | null = null) => ({ ...golden.restore, pvc, phase, retry_at });

describe('restores', () => {
  const all = [at('a', 'Selecting'), at('b', 'Completed'), at('c', 'Transferring'), at('d', 'Preparing', '2026-03-01T12:00:00Z')];

  test('under way come with what failed first, then what is furthest', () => {
    const { underWay, over } = split(all, {});
    expect([underWay.map(({ pvc }) => pvc), over.map(({ pvc }) => pvc)]).toEqual([['d', 'c', 'a'], ['b']]);
  });

  test('match every word that is searched for', () => {
    expect(split(all, { q: 'media c' }).underWay.map(({ pvc }) => pvc)).toEqual(['c']);
    expect(readRestoresSearch({ q: ' ' })).toEqual({});
  });

  test('are counted as held or checking where they are, and not by their phase', () => {
    const unsettled = (pvc: string, reason: string) => ({ ...at(pvc, 'Selecting'), backup: null, conditions: [{ type: 'Selected', met: false, reason, message: 'x', since: '2026-03-01T12:00:00Z' }] });
    expect(phasesInWords([unsettled('e', 'BackupsUnknown'), unsettled('f', 'CheckingForBackups'), ...all])).toBe('1 held, 1 checking for backups, 1 selecting, 1 preparing, 1 transferring, 1 completed');
  });

  test('are counted by phase, also by one that the console does not know', () => {
    expect(phasesInWords([...all, at('e', 'Dreaming')])).toBe('1 selecting, 1 preparing, 1 transferring, 1 completed, 1 dreaming');
  });
});
