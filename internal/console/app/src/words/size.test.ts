import { describe, expect, test } from 'vitest';
import { bytesInWords, changeInWords, moneyInWords, plural, sizeInWords } from './size';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [4096, '4.0 KiB'],
  [1_288_490_189, '1.2 GiB'],
  [-1024, '−1.0 KiB'],
])('%d bytes are said as the API says them', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words);
});

test('a size that no driver knows is unknown, not zero', () => {
  expect(sizeInWords(null)).toBe('unknown');
  expect(sizeInWords(0)).toBe('0 B');
});

describe('a change of size', () => {
  test.each([
    ['more', 2048, 1024, '+1.0 KiB'],
    ['less', 1024, 4096, '−3.0 KiB'],
    ['the same', 7, 7, 'same'],
    ['from an unknown size', 7, null, null],
    ['to an unknown size', null, 7, null],
    ['of the first backup', 7, undefined, null],
  ])('%s', (_, size, older, words) => {
    expect(changeInWords(size, older)).toBe(words);
  });
});

test('one is not many', () => {
  expect([plural(1, 'claim'), plural(0, 'claim'), plural(1200, 'claim exists', 'claims exist')]).toEqual(['1 claim', '0 claims', '1,200 claims exist']);
});

test('money is said in a currency, also in one that is no ISO code', () => {
  expect([moneyInWords(1.2885, 'USD'), moneyInWords(1.2885, 'credits')]).toEqual(['$1.29', '1.29 credits']);
});
