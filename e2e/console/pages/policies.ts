import type { Locator, Page } from '@playwright/test';
import { Shell } from './shell.ts';

/** The list of policies, and the form of one. */
export class Policies {
  readonly shell: Shell;
  readonly page: Page;
  readonly table: Locator;
  readonly form: Locator;
  readonly messages: Locator;

  constructor(page: Page) {
    this.shell = new Shell(page);
    this.page = page;
    this.table = page.getByLabel('Policies', { exact: true });
    this.form = page.getByRole('dialog');
    this.messages = page.getByLabel('Messages', { exact: true });
  }

  async open(): Promise<void> {
    await this.shell.open('/');
    await this.shell.go('Policies');
  }

  line(target: string): Locator {
    return this.table.getByRole('row').filter({ has: this.page.getByRole('rowheader', { name: target, exact: true }) });
  }

  field(label: string): Locator {
    return this.form.getByLabel(label, { exact: true });
  }

  /** A button in a policy's line: Change, Pause, Go on or Delete. */
  action(target: string, verb: string): Locator {
    return this.line(target).getByRole('button', { name: new RegExp(`^${verb}`) });
  }
}
