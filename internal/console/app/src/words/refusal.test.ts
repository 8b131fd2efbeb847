import { describe, expect, test } from 'vitest';
import { ApiError, errorOf, failureOf } from '@/api/errors';
import document from '@golden/openapi.json';
import { headlineOf, undoneInWords } from './refusal';

const OTHERWISE = 'It could not be told';
const refused = (status: number, code: string, title?: string, reason?: string) => new ApiError(status, code, 'why', undefined, undefined, title, reason);

describe('a headline', () => {
  test.each([
    ['is the API’s own', refused(403, 'denied', 'Soteria is not set up for this', 'setting'), 'Soteria is not set up for this'],
    ['names no cause that the API does not name', refused(403, 'denied'), OTHERWISE],
    ['of a proxy’s answer says so', errorOf(403, '<html>'), 'The answer did not come from Soteria'],
    ['of a missing answer says so', failureOf(new TypeError('fetch failed')), 'Soteria did not answer'],
    ['of an answer that cannot be read says so', failureOf(new SyntaxError('<')), 'Soteria did not answer'],
  ])('%s', (_, error, headline) => {
    expect(headlineOf(error, OTHERWISE)).toBe(headline);
  });
});

/** Every reason that the API gives. */
const REASONS = document.components.schemas.Error.properties.reason.enum;

describe('who asks', () => {
  test('is told that they may not where they may not', () => {
    expect(refused(403, 'denied').notAllowed).toBe(true);
  });

  test.each(REASONS)('is not told that they may not where the cause is %s', (reason) => {
    expect(refused(403, 'denied', 'x', reason).notAllowed).toBe(false);
  });

  test('is not told so of what a proxy refuses', () => {
    expect(errorOf(403, null).notAllowed).toBe(false);
  });
});

test.each([
  ['the API refused', refused(409, 'conflict'), 'not done'],
  ['the API failed', refused(503, 'unavailable'), 'not done'],
  ['a proxy refused', errorOf(403, null), 'not done'],
  ['a proxy lost the answer', errorOf(504, null), 'not known'],
  ['no answer came', failureOf(new TypeError('fetch failed')), 'not known'],
])('a change is said not to have been made only where that is known: %s', (_, error, told) => {
  expect(undoneInWords(error, 'not done', 'not known')).toBe(told);
});
