import type { Locator, Page } from '@playwright/test';
import { Shell } from './shell.ts';

/** The page of one claim. */
export class Claim {
  readonly shell: Shell;
  readonly page: Page;
  readonly head: Locator;
  readonly backUp: Locator;
  readonly backups: Locator;

  constructor(page: Page) {
    this.shell = new Shell(page);
    this.page = page;
    this.head = page.locator('main header').first();
    this.backUp = page.getByRole('button', { name: 'Back up now' });
    this.backups = page.getByLabel('Backups of this claim', { exact: true });
  }

  open(namespace: string, pvc: string): Promise<void> {
    return this.shell.open(`/claims/${namespace}/${pvc}`);
  }

  /** The lines of the table of backups. */
  lines(): Locator {
    return this.backups.getByRole('row').filter({ has: this.page.getByRole('rowheader') });
  }

  /** What the page says about the claim or about what was done. */
  said(words: string): Locator {
    return this.page.getByRole('main').getByText(words).first();
  }
}
