import { describe, expect, test } from 'vitest';
import { isNotable, skewOf } from './clock';

const MINUTE = 60_000;
const sample = (ahead: number, took = 100) => ({ sent: 0, received: took, served: ahead + took / 2 - 500 });

describe('how far the server’s clock is ahead', () => {
  test('is nothing before an answer, and nothing within what a header of whole seconds can tell', () => {
    expect(skewOf([])).toBe(0);
    expect(skewOf([sample(900)])).toBe(0);
    expect(skewOf([sample(-900)])).toBe(0);
  });

  test('is told both ways', () => {
    expect(skewOf([sample(7 * MINUTE)])).toBe(7 * MINUTE);
    expect(skewOf([sample(-7 * MINUTE)])).toBe(-7 * MINUTE);
  });

  test('is not believed of an answer from a cache, which is older than it seems', () => {
    expect(skewOf([sample(-60 * MINUTE), sample(0), sample(-3 * MINUTE)])).toBe(0);
  });

  test('is not measured by an answer that took long, nor across a step of the browser’s clock', () => {
    expect(skewOf([sample(7 * MINUTE, 18_000)])).toBe(0);
    expect(skewOf([{ sent: 7 * MINUTE, received: 0, served: 0 }])).toBe(0);
  });
});

test('a person is told of a minute and more', () => {
  expect([0, 59_999, 60_000, -60_000].map(isNotable)).toEqual([false, false, true, true]);
});
