import { Claim } from '../pages/claim.ts';
import { Inventory } from '../pages/inventory.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');

test('a claim is found, backed up, and has a backup then', async ({ page }) => {
  const inventory = new Inventory(page);
  await inventory.open();
  const line = await inventory.find(NAMESPACE, PVC);
  await expect(line).toContainText('No backup');
  await expect(page, 'the search can be linked').toHaveURL(/[?&]q=/);
  await line.getByRole('link', { name: PVC, exact: true }).click();

  const claim = new Claim(page);
  await expect(claim.shell.title).toHaveText(PVC);
  await expect(claim.said('No backup of this claim is known.')).toBeVisible();
  await claim.backUp.click();
  await expect(claim.said('A backup is under way').or(claim.said('The backup is there')).first()).toBeVisible();
  await expect(claim.said('The backup is there')).toBeVisible();
  await expect(claim.lines()).toHaveCount(1);
  await expect(claim.head).toContainText('Fresh');
});
