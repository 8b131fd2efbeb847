import { join } from 'node:path';
import { Shell } from '../pages/shell.ts';
import { given, test } from '../pages/test.ts';

// Taken only when asked for, by make screenshots.
const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');
const FOLDER = join(import.meta.dirname, '..', '..', '..', given('SCREENSHOTS'));

const pictures = [
  { name: 'overview', address: '/' },
  { name: 'claim', address: `/claims/${NAMESPACE}/${PVC}` },
  { name: 'restore', address: `/restore?namespace=${NAMESPACE}&pvc=${PVC}` },
  { name: 'inventory-light', address: '/inventory', colorScheme: 'light' },
] as const;

for (const { name, address, ...look } of pictures) {
  test.describe(name, () => {
    test.use({ deviceScaleFactor: 2, ...look });
    test('is taken', async ({ page }) => {
      await new Shell(page).open(address);
      await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
    });
  });
}
