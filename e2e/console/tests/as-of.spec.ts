import { Restore } from '../pages/restore.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');

test('a time before every backup restores nothing, and never the latest', async ({ page }) => {
  const restore = new Restore(page);
  await restore.openFor(NAMESPACE, PVC);
  await expect(restore.start).toBeEnabled();

  await page.getByLabel('Backup', { exact: true }).selectOption({ label: 'The newest as of a time…' });
  await expect(restore.start).toBeDisabled();
  await expect(restore.plan).toContainText('Say as of which time');

  await page.getByLabel('As of', { exact: true }).fill('2001-01-01T00:00');
  await expect(restore.plan.getByRole('alert')).toBeVisible();
  await expect(restore.start).toBeDisabled();

  // The wish is in the address, and is no other one once the page is loaded again.
  await page.reload();
  await restore.shell.settled();
  await expect(page.getByLabel('As of', { exact: true })).toHaveValue('2001-01-01T00:00');
  await expect(restore.start).toBeDisabled();

  await page.getByLabel('Backup', { exact: true }).selectOption({ index: 0 });
  await expect(restore.start).toBeEnabled();
});
