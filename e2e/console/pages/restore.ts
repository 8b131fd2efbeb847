import { expect, type Locator, type Page } from '@playwright/test';
import { Shell } from './shell.ts';

/** The form that brings a claim, or a namespace, back. */
export class Restore {
  readonly shell: Shell;
  readonly page: Page;
  readonly newName: Locator;
  readonly plan: Locator;
  readonly start: Locator;
  readonly outcome: Locator;
  readonly orphans: Locator;

  constructor(page: Page) {
    this.shell = new Shell(page);
    this.page = page;
    this.newName = page.getByLabel('Name of the new claim');
    this.plan = page.getByRole('region', { name: 'What will happen' });
    this.start = this.plan.locator('button[type=submit]');
    this.orphans = page.getByRole('checkbox', { name: 'Also claims that exist only as backups' });
    this.outcome = page.getByRole('region', { name: /started|The data is back/ });
  }

  async openFor(namespace: string, pvc: string): Promise<void> {
    await this.shell.open('/');
    await this.shell.go('Restore');
    await this.page.getByLabel('Namespace', { exact: true }).fill(namespace);
    await this.page.getByLabel('Claim', { exact: true }).fill(pvc);
  }

  async openForNamespace(namespace: string): Promise<void> {
    await this.shell.open('/');
    await this.shell.go('Restore');
    await this.page.getByRole('radio', { name: 'A namespace' }).check();
    await this.page.getByLabel('Namespace', { exact: true }).fill(namespace);
  }

  /** Has Soteria make the target namespace, where the plan says that it does not exist. */
  async makeTarget(): Promise<void> {
    const make = this.page.getByRole('checkbox', { name: 'Have Soteria make the namespace' });
    if ((await make.count()) > 0) await make.check();
  }

  /** The line of a claim, in the plan or in what became of it. */
  line(pvc: string): Locator {
    return this.page.getByRole('row').filter({ has: this.page.getByRole('rowheader', { name: pvc, exact: true }) });
  }

  /** Expects that the API finds fault with the name of the new claim, and that it is marked. */
  async expectTaken(): Promise<void> {
    await expect(this.plan.getByRole('alert')).toContainText('exists');
    await expect(this.newName).toHaveAttribute('aria-invalid', 'true');
    await expect(this.start).toBeDisabled();
  }
}
