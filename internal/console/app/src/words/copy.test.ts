import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { copyInWords, podsInWords, removalOf } from './copy';

const [ready, used, untold, old] = golden.copies.copies;

describe('a copy', () => {
  test.each([
    ['that nothing uses is removed at once', ready, 'at once'],
    ['that a pod uses is removed where that is said', used, 'while used'],
    ['of which it could not be told whether a pod uses it is not removed', untold, 'not now'],
    ['that is not proved to be one is removed by hand alone', old, 'by hand'],
    ['that is going is not removed again', ready && { ...ready, state: 'removing' as const }, 'not now'],
    ['that is being made is not removed', ready && { ...ready, state: 'starting' as const, uid: '' }, 'not now'],
    ['whose pods could not be told is not removed, though it is ready', ready && { ...ready, used_by: null, removable: false }, 'not now'],
    ['of a state that the console does not know is not removed', ready && { ...ready, state: 'enchanted' as 'ready' }, 'not now'],
  ])('%s', (_, copy, removal) => {
    expect(copy && removalOf(copy)).toBe(removal);
  });

  test('has words for every state that the API gives', () => {
    expect(golden.copies.copies.map((copy) => copyInWords(copy).meaning)).not.toContain('This console does not know the word.');
    expect(copyInWords({ state: 'enchanted' as 'ready' }).label).toBe('enchanted');
  });

  test('names the pods that use it', () => {
    expect([['a'], ['a', 'b'], ['a', 'b', 'c']].map(podsInWords)).toEqual(['pod a', 'pods a and b', 'pods a, b and c']);
  });
});
