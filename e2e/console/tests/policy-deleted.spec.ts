import { Policies } from '../pages/policies.ts';
import { expect, given, test } from '../pages/test.ts';

const TARGET = `${given('CLAIM_NAMESPACE')}/${given('CLAIM')}`;

test('a policy is deleted on two clicks, comes back on one, and is deleted for good', async ({ page }) => {
  const policies = new Policies(page);
  await policies.open();
  const undo = policies.messages.getByRole('button', { name: 'Undo' }).first();
  const remove = async () => {
    await policies.action(TARGET, 'Delete').click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete the policy' }).click();
    await undo.hover(); // a message under the pointer stays
    await expect(policies.line(TARGET)).toHaveCount(0);
  };

  await policies.action(TARGET, 'Delete').click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(policies.line(TARGET), 'one click deletes nothing').toBeVisible();

  await remove();
  await undo.click();
  await expect(policies.line(TARGET)).toBeVisible();
  await remove();
});
