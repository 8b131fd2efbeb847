import { Policies } from '../pages/policies.ts';
import { expect, given, test } from '../pages/test.ts';

const NAMESPACE = given('CLAIM_NAMESPACE');
const PVC = given('CLAIM');
const TARGET = `${NAMESPACE}/${PVC}`;

test('a policy is made, changed, paused and set going again', async ({ page }) => {
  const policies = new Policies(page);
  await policies.open();
  await page.getByRole('button', { name: 'New policy' }).click();
  await policies.field('Namespace').fill(NAMESPACE);
  await policies.field('Claim').fill(PVC);
  await policies.field('When').selectOption('At times (cron)');

  await policies.field('Schedule').fill('0 25 * * *');
  await expect(policies.form).toContainText('This schedule');
  await policies.field('Schedule').fill('30 2 * * *');
  await expect(policies.form.getByRole('status').getByRole('listitem'), 'the next five runs').toHaveCount(5);
  await policies.form.getByRole('button', { name: 'Keep the policy' }).click();
  await expect(policies.messages).toContainText('The policy is kept');
  await expect(policies.line(TARGET)).toContainText(/0?2:30/);

  await policies.action(TARGET, 'Change').click();
  await policies.field('When').selectOption('Every so many hours');
  await policies.field('Hours').fill('12');
  await policies.form.getByRole('button', { name: 'Keep the policy' }).click();
  await expect(policies.line(TARGET)).toContainText('12 hours');

  await policies.action(TARGET, 'Pause').click();
  await expect(policies.line(TARGET)).toContainText('Paused');
  await policies.action(TARGET, 'Go on').click();
  await expect(policies.line(TARGET)).not.toContainText('Paused');
});
