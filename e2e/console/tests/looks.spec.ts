import { expectAccessible } from '../pages/axe.ts';
import { Shell, views } from '../pages/shell.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');

for (const colorScheme of ['dark', 'light'] as const) {
  test.describe(`a system that is ${colorScheme}`, () => {
    test.use({ colorScheme });
    for (const address of views(NAMESPACE, PVC)) {
      test(`${address} can be read by everybody`, async ({ page }) => {
        const shell = new Shell(page);
        await shell.open(address);
        expect(await shell.dark()).toBe(colorScheme === 'dark');
        await expectAccessible(page, address);
      });
    }
  });
}

test.describe('a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  for (const address of views(NAMESPACE, PVC)) {
    test(`${address} fits`, async ({ page }) => {
      const shell = new Shell(page);
      await shell.open(address);
      expect(await shell.overflows(), 'nothing is to be scrolled to sideways').toBe(false);
      await expectAccessible(page, address);
    });
  }

  test('goes from view to view by the menu', async ({ page }) => {
    const shell = new Shell(page);
    await shell.open('/');
    await shell.menu.click();
    await shell.go('Inventory');
    await expect(shell.title).toHaveText('Inventory');
  });
});

test.describe('a screen of 1440 pixels', () => {
  test.use({ viewport: { width: 1440, height: 900 } });
  for (const address of ['/inventory', `/claims/${NAMESPACE}/${PVC}`, '/restores', '/plan', '/policies']) {
    test(`${address} cuts no name, class, state or age`, async ({ page }) => {
      const shell = new Shell(page);
      await shell.open(address);
      expect(await shell.cut(), 'what is cut').toEqual([]);
    });
  }
});

test('the look is as one likes it, and stays so', async ({ page }) => {
  const shell = new Shell(page);
  await shell.open('/');
  await shell.look('Light');
  expect(await shell.dark()).toBe(false);
  await page.reload();
  await shell.settled();
  expect(await shell.dark()).toBe(false);
  await shell.look('Dark');
  expect(await shell.dark()).toBe(true);
});

test('one gets by without a mouse', async ({ page }) => {
  const shell = new Shell(page);
  await shell.open('/');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('a page whose code does not come says how to load it again', async ({ page }) => {
  await page.route('**/assets/*.js', (route) => route.abort());
  await page.goto('/');
  await expect(page.getByRole('link', { name: 'load it again' })).toBeVisible();
  await page.unroute('**/assets/*.js');
  await page.getByRole('link', { name: 'load it again' }).click();
  await new Shell(page).settled();
});
