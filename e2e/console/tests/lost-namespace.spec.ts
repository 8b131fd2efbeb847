import { Restore } from '../pages/restore.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('LOST_NAMESPACE');
const CLAIMS = given('LOST_CLAIMS').split(' ');

test('a namespace that was lost is brought back as a whole, with a result for each claim', async ({ page }) => {
  const restore = new Restore(page);
  await restore.openForNamespace(NAMESPACE);
  await expect(restore.plan).toContainText(/no bound claim|no claim to restore/);

  await restore.withOrphans();
  for (const pvc of CLAIMS) await expect(restore.line(pvc)).toContainText('Would start');
  await expect(restore.start).toHaveText(`Restore ${CLAIMS.length} claims`);
  await restore.start.click();

  for (const pvc of CLAIMS) await expect(restore.line(pvc)).toContainText(/Started|Tried again|Data is back/);
  await expect(restore.outcome.getByRole('status')).toContainText(`${CLAIMS.length} of ${CLAIMS.length} claims have their data back`);
});
