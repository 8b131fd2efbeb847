import { describe, expect, test } from 'vitest';
import { agoInWords, dueInWords, durationInWords, exactTime, localInput, printedTime, timeOfInput, zonedTime } from './age';

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
    ['by a clock that is a little ahead', -5 * 60, 'just now'],
    ['by a clock that is far ahead', -3 * HOUR, 'dated 3 hours ahead'],
  ])('%s', (_, seconds, words) => {
    expect(agoInWords(before(seconds), now)).toBe(words);
  });
});

describe('what is due, in words', () => {
  test.each([
    ['in a moment', -5, 'in less than a minute'],
    ['in some time', -20 * 60, 'in 20 minutes'],
    ['now', 0, 'due now'],
    ['a moment ago', 40, 'due now'],
    ['a minute ago', 60, 'overdue by 1 minute'],
    ['some time ago', 23 * 60, 'overdue by 23 minutes'],
    ['days ago', 50 * HOUR, 'overdue by 2 days'],
  ])('%s', (_, seconds, words) => {
    expect(dueInWords(before(seconds), now)).toBe(words);
  });
});

/** Draws times of every order of size around now, the same at each run. */
function draws(count: number): Date[] {
  let state = 42;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  return Array.from({ length: count }, () => new Date(now.getTime() + (random() < 0.5 ? -1 : 1) * 10 ** (random() * 12)));
}

describe('for any time around now', () => {
  test('what has been is never said to come', () => {
    for (const time of draws(20_000)) expect(agoInWords(time, now)).toMatch(/^(just now|\d+ (minute|hour|day|week|month|year)s? ago|dated \d+ (minute|hour|day|week|month|year)s? ahead)$/);
  });

  test('what is to come is never said to have been', () => {
    for (const time of draws(20_000)) expect(dueInWords(time, now)).toMatch(/^(due now|in less than a minute|in \d+ (minute|hour|day|week|month|year)s?|overdue by \d+ (minute|hour|day|week|month|year)s?)$/);
  });

  test('what was earlier is not said to be later', () => {
    const ahead = draws(5000).filter((time) => time > now);
    expect(ahead.filter((time) => /overdue|due now/.test(dueInWords(time, now)))).toEqual([]);
    const past = draws(5000).filter((time) => time <= now);
    expect(past.filter((time) => dueInWords(time, now).startsWith('in ') || agoInWords(time, now).startsWith('dated'))).toEqual([]);
  });

  test('a field gives back the minute that was put into it', () => {
    for (const time of draws(2000)) {
      const minute = localInput(time.toISOString());
      expect(localInput(timeOfInput(minute))).toBe(minute);
    }
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

test('times are in the reader’s zone, which is named on hover and on paper', () => {
  expect(exactTime(now)).toBe('12 Apr 2026, 17:30:00');
  expect(zonedTime(now)).toMatch(/^Sunday,? 12 April 2026 at 17:30:00 CEST$/);
  expect(printedTime(now)).toBe('12 Apr 2026, 17:30 CEST');
});

test('a field holds the reader’s time, and nothing where there is none', () => {
  expect(localInput('2026-04-12T15:30:59Z')).toBe('2026-04-12T17:30');
  expect(timeOfInput('2026-04-12T17:30')).toBe('2026-04-12T15:30:00Z');
  expect([localInput(''), localInput('soon'), timeOfInput(''), timeOfInput('soon')]).toEqual(['', '', '', '']);
});
