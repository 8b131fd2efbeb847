import { Inventory } from '../pages/inventory.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('NAMESPACE');
const CLAIMS = given('CLAIMS').split(' ');

test('all claims of a namespace are backed up, and each tells how that ended', async ({ page }) => {
  const inventory = new Inventory(page);
  await inventory.open();
  await inventory.search.fill(NAMESPACE);
  await page.getByRole('button', { name: `Back up all claims of ${NAMESPACE}` }).click();

  const dialog = page.getByRole('dialog', { name: `Back up ${NAMESPACE}` });
  const line = (pvc: string) => page.getByLabel(/^Claims of /).getByRole('row').filter({ has: page.getByRole('rowheader', { name: pvc, exact: true }) });
  for (const pvc of CLAIMS) await expect(line(pvc)).toContainText('Would start');
  await dialog.getByRole('button', { name: /^Back up \d+ claims?$/ }).click();
  // It goes on in the server, at an address that can be loaded again.
  await expect(page).toHaveURL(/\/batches\//);
  await page.reload();
  for (const pvc of CLAIMS) await expect(line(pvc)).toContainText('Complete');
  await expect(page.getByRole('status').filter({ hasText: 'ended' })).toContainText(`${CLAIMS.length} complete`);
});
