import { describe, expect, test } from 'vitest';
import { daysInWords, outlinesOf, type RecentDays } from './days';

/** Days that end with these counts; none on those before. */
const last = (...counts: (number | null)[]): RecentDays => [...Array<number>(14 - counts.length).fill(0), ...counts];

describe('days in words', () => {
  test.each<[string, RecentDays]>([
    ['backups on 1 of the last 14 days', last(3)],
    ['backups on 2 of the last 14 days, none today', last(2, 1, 0)],
    ['backups on 1 of the last 14 days, none for 3 days', last(1, 0, 0, 0)],
    ['backups on 14 of the last 14 days', Array<number>(14).fill(24)],
    ['no backup known of the last 14 days', last(0)],
    ['backups on 1 of the last 14 days; today cannot be told', last(1, null)],
    ['backups on 2 of the last 14 days; 1 day cannot be told', last(1, null, 1)],
    ['no backup known of the last 14 days; 3 days cannot be told', last(null, null, null)],
  ])('%s', (words, days) => {
    expect(daysInWords(days)).toBe(words);
  });
});

describe('a drawing of days', () => {
  const count = (outline: string) => outline.split('M').length - 1;

  test('tells backups, none and what nobody can tell by shape', () => {
    const { bars, dashes, boxes } = outlinesOf(last(2, 0, 1, null));
    expect([count(bars), count(dashes), count(boxes)]).toEqual([2, 11, 1]);
  });

  test('has the highest bar where there are most backups', () => {
    expect(outlinesOf([1, 2, 4]).bars).toBe('M0 18v-9h4V18zM6 18v-12h4V18zM12 18v-18h4V18z');
  });

  test('has bars of one height where the days are alike', () => {
    expect(outlinesOf([1, 1]).bars).toBe('M0 18v-18h4V18zM6 18v-18h4V18z');
  });
});
