import { Claim } from '../pages/claim.ts';
import { expect, given, test } from '../pages/test.ts';

test('a claim that was held turns well by itself', async ({ page }) => {
  const claim = new Claim(page);
  await claim.open(given('CLAIM_NAMESPACE'), given('CLAIM'));
  await expect(claim.head).toContainText('Fresh', { timeout: 5 * 60_000 });
  await expect(claim.lines().first()).toBeVisible();
});
