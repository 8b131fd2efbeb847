import { Claim } from '../pages/claim.ts';
import { Inventory } from '../pages/inventory.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');
const CAUSE = given('CAUSE');

test('a claim that is held is what needs a person first, and says why', async ({ page }) => {
  const inventory = new Inventory(page);
  await inventory.shell.open('/');
  const concerns = page.getByRole('region', { name: 'What needs a person' });
  await expect(concerns.getByRole('link', { name: `${NAMESPACE}/${PVC}` }).first()).toBeVisible();

  await inventory.shell.go('Inventory');
  const line = await inventory.find(NAMESPACE, PVC);
  await expect(line).toContainText('Held');

  const claim = new Claim(page);
  await claim.open(NAMESPACE, PVC);
  await expect(claim.head).toContainText('Held');
  await expect(page.getByRole('main')).toContainText(CAUSE);
});
