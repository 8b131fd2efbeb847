import { Restore } from '../pages/restore.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('LOST_NAMESPACE');
const CLAIMS = given('LOST_CLAIMS').split(' ');

test('a namespace that was lost is brought back as a whole, and followed at an address that outlives the page', async ({ page }) => {
  const restore = new Restore(page);
  await restore.openForNamespace(NAMESPACE);
  // Nothing else is left of the namespace, so that what exists only as backups is ticked.
  await expect(restore.orphans).toBeChecked();
  for (const pvc of CLAIMS) await expect(restore.line(pvc)).toContainText('Would start');
  await restore.makeTarget();
  await expect(restore.start).toHaveText(`Restore ${CLAIMS.length} claims`);
  await restore.start.click();

  await expect(page).toHaveURL(/\/batches\//);
  await page.goto('about:blank');
  await page.goBack();
  for (const pvc of CLAIMS) await expect(restore.line(pvc)).toContainText(/Waiting|Started|Data is back/);
  await expect(page.getByRole('status').filter({ hasText: 'data back' })).toContainText(`${CLAIMS.length} of ${CLAIMS.length} claims have their data back`);
});
