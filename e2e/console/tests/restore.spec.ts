import { Restore } from '../pages/restore.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');
const TARGET = given('TARGET');

test('a target that exists is refused while one types, and a new one is restored to', async ({ page }) => {
  const restore = new Restore(page);
  await restore.openFor(NAMESPACE, PVC);

  await restore.newName.fill(PVC);
  await restore.expectTaken();

  await restore.newName.fill(TARGET);
  await expect(restore.plan).toContainText(`The claim ${NAMESPACE}/${TARGET} will be made`);
  await expect(restore.start).toBeEnabled();
  await restore.start.click();

  await expect(restore.outcome).toContainText(`${NAMESPACE}/${TARGET}`);
  await expect(restore.outcome.getByRole('heading')).toHaveText('The data is back');
  await restore.shell.go('Restores');
  await expect(page.getByLabel('Completed restores').getByRole('link', { name: `${NAMESPACE}/${TARGET}` })).toBeVisible();
});
