import { expectAccessible } from '../pages/axe.ts';
import { Shell, views } from '../pages/shell.ts';
import { expect, given, test } from '../pages/test.ts';

const GROUP = given('ALLOWED_GROUP');

/** Views that show what the API tells; a view of no address shows nothing of anybody's. */
const asking = views('some', 'claim').filter((address) => address !== '/nowhere');

test.describe('who has not signed in', () => {
  for (const address of asking) {
    test(`is told so at ${address}`, async ({ page }) => {
      await new Shell(page).open(address);
      await expect(page.getByRole('alert').filter({ hasText: 'You are signed out' }).first()).toBeVisible();
      await expectAccessible(page, address);
    });
  }

  test('can sign in', async ({ page }) => {
    await new Shell(page).open('/');
    await page.getByRole('button', { name: 'Sign in' }).first().click();
    await expect(page.getByRole('alert').filter({ hasText: 'You are signed out' }).first()).toBeVisible();
  });
});

test.describe('who is in another group', () => {
  test.use({ extraHTTPHeaders: { 'X-Auth-Request-User': 'eve', 'X-Auth-Request-Groups': 'guests' } });
  for (const address of asking) {
    test(`is told so at ${address}, and which groups may`, async ({ page }) => {
      await new Shell(page).open(address);
      const refusal = page.getByRole('alert').filter({ hasText: 'You are not allowed' }).first();
      await expect(refusal).toBeVisible();
      await expect(refusal).toContainText(GROUP);
      await expectAccessible(page, address);
    });
  }
});

test.describe('who is in the right group', () => {
  test.use({ extraHTTPHeaders: { 'X-Auth-Request-User': 'ada', 'X-Auth-Request-Groups': GROUP } });
  test('sees the overview, and is known by name', async ({ page }) => {
    await new Shell(page).open('/');
    await expect(page.getByText('ada', { exact: true })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});
