import { describe, expect, test } from 'vitest';
import { ageInWords, durationInWords, utcTime } from './age';

const now = new Date('2026-04-12T15:30:00Z');
const before = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const HOUR = 3600;

describe('an age in words', () => {
  test.each([
    ['a moment ago', 5, 'just now'],
    ['a minute ago', 60, '1 minute ago'],
    ['almost two hours ago, in minutes', 2 * HOUR - 1, '119 minutes ago'],
    ['hours ago', 30 * HOUR, '30 hours ago'],
    ['days ago', 9 * 24 * HOUR, '9 days ago'],
    ['weeks ago', 21 * 24 * HOUR, '3 weeks ago'],
    ['months ago', 100 * 24 * HOUR, '3 months ago'],
    ['years ago', 800 * 24 * HOUR, '2 years ago'],
    ['in a moment', -5, 'in less than a minute'],
    ['in some time', -20 * 60, 'in 20 minutes'],
  ])('%s', (_, seconds, words) => {
    expect(ageInWords(before(seconds), now)).toBe(words);
  });
});

describe('a duration in words', () => {
  test.each([
    [0, '1 s'],
    [45_000, '45 s'],
    [12 * 60_000, '12 min'],
    [200 * 60_000, '3 h 20 min'],
    [2 * HOUR * 1000 - 1000, '2 h'],
    [52 * HOUR * 1000, '2 d 4 h'],
  ])('%d ms', (ms, words) => {
    expect(durationInWords(ms)).toBe(words);
  });
});

test('an exact time names its zone', () => {
  expect(utcTime(now)).toBe('2026-04-12 15:30:00 UTC');
});
