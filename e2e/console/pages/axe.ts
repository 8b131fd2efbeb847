import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** How many places of each fault are told. */
const SHOWN = 4;

/** Expects that axe finds nothing that WCAG AA rules out, and nothing else that it is sure of. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => {
    const some = nodes.slice(0, SHOWN).map((node) => `    ${node.html}\n    ${node.failureSummary}`);
    return `${id}, ${nodes.length} times: ${help}\n${some.join('\n')}`;
  });
  expect(found, `what axe finds in ${what}`).toEqual([]);
}
