import { Claim } from '../pages/claim.ts';
import { expect, given, test } from '../pages/test.ts';

test('a backup that fails says so, and why', async ({ page }) => {
  const claim = new Claim(page);
  await claim.open(given('CLAIM_NAMESPACE'), given('CLAIM'));
  await claim.backUp.click();
  const failure = page.getByRole('alert').filter({ hasText: 'The backup failed' });
  await expect(failure).toContainText(given('CAUSE'));
});
