import { expect, type Locator, type Page } from '@playwright/test';
import { Shell } from './shell.ts';

/** The table of all claims. */
export class Inventory {
  readonly shell: Shell;
  readonly page: Page;
  readonly search: Locator;
  readonly table: Locator;

  constructor(page: Page) {
    this.shell = new Shell(page);
    this.page = page;
    this.search = page.getByRole('searchbox', { name: 'Search' });
    this.table = page.getByRole('table', { name: 'Claims' });
  }

  async open(): Promise<void> {
    await this.shell.open('/');
    await this.shell.go('Inventory');
  }

  /** Looks for a claim, and gives its line. */
  async find(namespace: string, pvc: string): Promise<Locator> {
    await this.search.fill(`${namespace}/${pvc}`);
    const line = this.line(pvc);
    await expect(line).toHaveCount(1);
    return line;
  }

  line(pvc: string): Locator {
    return this.table.getByRole('row').filter({ has: this.page.getByRole('link', { name: pvc, exact: true }) });
  }
}
