import { describe, expect, test } from 'vitest';
import type { ClaimChoice } from '@/api/types';
import { actsAgain, choiceInWords, startsEmpty } from './choice';

const choice = (change: Partial<ClaimChoice>): ClaimChoice => ({ message: 'it would', drop: 'kubectl annotate', ...change });

describe('what a manifest asks of a restore', () => {
  test('is to start empty where it names a reason to, or no backup at all', () => {
    expect(startsEmpty(choice({ skip: 'can be computed' }))).toBe(true);
    expect(startsEmpty(choice({}))).toBe(true);
    expect(startsEmpty(choice({ backup: 'aaaa' }))).toBe(false);
    expect(startsEmpty(choice({ as_of: '2026-03-01T12:00:00Z' }))).toBe(false);
    expect(startsEmpty(choice({ from: 'media/photos' }))).toBe(false);
  });

  test('acts again once it was used, and until it expires', () => {
    expect([actsAgain(choice({})), actsAgain(choice({ spent: true })), actsAgain(choice({ spent: true, expired: true }))]).toEqual([false, true, false]);
  });

  test.each([
    [{ backup: 'aaaa' }, 'The manifest says which backup this claim gets'],
    [{ backup: 'aaaa', spent: true }, 'If this claim were made again, it would get this backup again'],
    [{ backup: 'aaaa', spent: true, expired: true }, 'The manifest asks for a backup, which does not count any more'],
    [{ skip: 'x' }, 'The manifest says that this claim starts empty'],
    [{ skip: 'x', spent: true }, 'If this claim were made again, it would start empty again'],
    [{ skip: 'x', spent: true, expired: true }, 'The manifest asks to start empty, which does not count any more'],
  ])('has a headline: %j', (change, words) => {
    expect(choiceInWords(choice(change))).toBe(words);
  });
});
