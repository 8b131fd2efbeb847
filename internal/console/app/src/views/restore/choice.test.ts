import { describe, expect, test } from 'vitest';
import { contradictionOf, faultOfTime } from './choice';

describe('a time that is wished for', () => {
  test('is said or not wished for at all', () => {
    expect(faultOfTime({})).toBeNull();
    expect(faultOfTime({ asOf: '2026-03-01T12:00:00Z' })).toBeNull();
    expect(faultOfTime({ asOf: '' })).toMatch(/^Say as of which time/);
    expect(faultOfTime({ asOf: 'soon' })).toBe('“soon” is not a time.');
  });
});

describe('what was chosen', () => {
  const asOf = '2026-03-01T12:00:00Z';
  test.each([
    ['as of that very second is what was wished for', { asOf }, ['2026-03-01T12:00:00Z'], null],
    ['before it is, too', { asOf }, ['2026-02-01T12:00:00Z'], null],
    ['a second after it is not', { asOf }, ['2026-02-01T12:00:00Z', '2026-03-01T12:00:01Z'], /1 Mar 2026, 13:00.*later/],
    ['is not held against a wish without a time', {}, ['2026-03-01T12:00:01Z'], null],
  ])('%s', (_, wish, times, words) => {
    const told = contradictionOf(wish, times);
    if (words === null) expect(told).toBeNull();
    else expect(told).toMatch(words);
  });
});
