import { Restore } from '../pages/restore.ts';
import { expectAccessible } from '../pages/axe.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');
const TARGET = given('TARGET');

test('a backup is looked at in a copy, which is marked, goes by itself, and is removed at two clicks', async ({ page }) => {
  const restore = new Restore(page);
  await restore.openFor(NAMESPACE, PVC);
  await restore.newName.fill(TARGET);
  await page.getByRole('checkbox', { name: 'To look at only' }).check();
  await page.getByLabel('Remove it by itself after').selectOption({ label: 'One day' });
  await expect(restore.plan).toContainText('removed by itself');
  await expect(restore.start).toBeEnabled();
  await restore.start.click();
  await expect(restore.outcome.getByRole('heading')).toHaveText('The data is back');

  await restore.outcome.getByRole('link', { name: `${NAMESPACE}/${TARGET}` }).click();
  await expect(page.getByRole('main')).toContainText('It was made to look at a backup');

  await restore.shell.go('Restores');
  const copies = page.getByRole('region', { name: 'Copies to look at' });
  await expect(copies.getByRole('link', { name: `${NAMESPACE}/${TARGET}` })).toBeVisible();
  await expectAccessible(page, 'the copies');
  await copies.getByRole('button', { name: `Remove ${NAMESPACE}/${TARGET}…` }).click();
  const dialog = page.getByRole('dialog', { name: `Remove ${NAMESPACE}/${TARGET}?` });
  await expectAccessible(page, 'the question');
  await dialog.getByRole('button', { name: `Remove ${TARGET}` }).click();
  await expect(page.getByText(`${NAMESPACE}/${TARGET} was removed`)).toBeVisible();
  await expect(page.getByRole('button', { name: `Remove ${NAMESPACE}/${TARGET}…` })).toHaveCount(0);
});
