import { expectAccessible } from '../pages/axe.ts';
import { Shell } from '../pages/shell.ts';
import { expect, given, test } from '../pages/test.ts';

// Rehearsed only: a cluster is not in all doubts at once.
const UNREVIEWED = given('UNREVIEWED');
const HELD = given('HELD');

const [namespace, pvc] = UNREVIEWED.split('/');
const restoreOf = (backup: string) => `/restore?namespace=${namespace}&pvc=${pvc}&snapshot=${backup}`;

/** Where doubts are shown: the address, and words of a doubt that are to be read there. */
const SHOWN: [address: string, words: string][] = [
  ['/', 'Another cluster uses the name of this one'],
  ['/inventory?state=other', 'Unreviewed'],
  [`/claims/${UNREVIEWED}`, 'while the gate was off'],
  [`/claims/${HELD}`, 'The newest backup of this claim is gone'],
  [restoreOf('c3f0'), 'Look at this before you restore'],
  ['/restores', 'Nothing moves: no node has room for its pod'],
  ['/plan', 'is not looked at any more'],
];

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`doubts in a system that is ${colorScheme}`, () => {
    test.use({ colorScheme });
    for (const [address, words] of SHOWN) {
      test(`can be read by everybody at ${address}`, async ({ page }) => {
        await new Shell(page).open(address);
        await expect(page.getByText(words).first()).toBeVisible();
        await expectAccessible(page, address);
      });
    }
  });
}

test.describe('doubts on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  for (const [address, words] of SHOWN) {
    test(`fit at ${address}`, async ({ page }) => {
      const shell = new Shell(page);
      await shell.open(address);
      await expect(page.getByText(words).first()).toBeVisible();
      expect(await shell.overflows(), 'nothing is to be scrolled to sideways').toBe(false);
      await expectAccessible(page, address);
    });
  }
});
