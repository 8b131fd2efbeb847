import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { waitForRestores, waitToLook } from './polling';

describe('restores are asked for', () => {
  test('every two seconds while something moves', () => {
    expect(waitForRestores(golden.restores, 0)).toBe(2000);
  });

  test('ever less often while answers are the same, half a minute at most', () => {
    expect([1, 2, 3, 4, 20].map((same) => waitForRestores(golden.restores, same))).toEqual([4000, 8000, 16_000, 30_000, 30_000]);
  });

  test('every half minute while nothing is being restored', () => {
    expect(waitForRestores({ restores: [] }, 0)).toBe(30_000);
    expect(waitForRestores({ restores: [{ ...golden.restore, phase: 'Completed' }] }, 0)).toBe(30_000);
  });

  test('soon after a first failure', () => {
    expect(waitForRestores(undefined, 1)).toBe(4000);
  });
});

test('what was begun is looked at ever less often', () => {
  expect([1000, 101_000, 10_001_000].map((now) => waitToLook(1000, now))).toEqual([3000, 10_000, 30_000]);
});
