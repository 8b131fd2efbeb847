import { describe, expect, test } from 'vitest';
import type { BucketPoint } from '@/api/types';
import { golden } from '@/testing/golden';
import { curveInWords, growthInWords, lineOf, rowsOf } from './growth';

const GIB = 1024 ** 3;
const today = Date.parse('2026-03-01T12:00:00Z');
/** What a scan found so many days before today, so many hours earlier or later in the day. */
const point = (daysAgo: number, gib: number, hours = 0): BucketPoint => ({ scanned_at: new Date(today - daysAgo * 86_400_000 + hours * 3_600_000).toISOString(), bytes: gib * GIB, objects: 1000 * gib });

describe('growth in words', () => {
  test.each<[string, BucketPoint[], string[]]>([
    ['nothing is told without a scan', [], []],
    ['nothing is told of one day', [point(0, 5)], []],
    ['a short history is told as far as it goes', [point(1, 5), point(0, 6)], ['+1.0 GiB in 1 day']],
    ['a week, a month and a year', [point(400, 1), point(365, 2), point(30, 4), point(7, 9), point(0, 8)], ['−1.0 GiB in 7 days', '+4.0 GiB in 30 days', '+6.0 GiB in 365 days']],
    ['days are counted by the calendar, whenever a scan was', [point(7, 5, 8), point(0, 6, -8)], ['+1.0 GiB in 7 days']],
    ['days that nobody scanned are not made up', [point(12, 5), point(0, 6)], ['+1.0 GiB in 12 days']],
    ['what stayed as it was', [point(7, 5), point(0, 5)], ['unchanged in 7 days']],
    ['the API’s own example', golden.bucket.history, ['−1.0 GiB in 7 days', '+50.0 GiB in 31 days']],
  ])('%s', (_, history, words) => {
    expect(growthInWords(history)).toEqual(words);
  });
});

describe('a curve', () => {
  test('goes from the first scan to the last, above zero, by the time of each', () => {
    expect(lineOf([point(4, 0), point(3, 5), point(0, 10)], 100, 50)).toBe('0.0,50.0 25.0,25.0 100.0,0.0');
  });

  test('of an empty bucket lies on the ground', () => {
    expect(lineOf([point(1, 0), point(0, 0)], 100, 50)).toBe('0.0,50.0 100.0,50.0');
  });

  test('is said in words', () => {
    expect(curveInWords(golden.bucket.history)).toBe('Stored on 3 days: 150.0 GiB on 2026-01-29, 200.0 GiB on 2026-03-01, at most 201.0 GiB');
    expect(curveInWords([])).toBe('');
  });
});

test('days are told newest first, each with its change', () => {
  expect(rowsOf([point(2, 1), point(1, 3), point(0, 3)])).toEqual([
    { day: '2026-03-01', size: '3.0 GiB', change: 'same', objects: '3,000' },
    { day: '2026-02-28', size: '3.0 GiB', change: '+2.0 GiB', objects: '3,000' },
    { day: '2026-02-27', size: '1.0 GiB', change: '', objects: '1,000' },
  ]);
});
