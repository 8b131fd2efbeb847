import { createMemoryHistory } from '@tanstack/react-router';
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { expect } from 'vitest';
import { App } from '@/App';
import { newQueryClient } from '@/api/queries';
import { newRouter } from '@/router';

/** Opens the console at an address. */
export function openConsole(path: string) {
  const router = newRouter(createMemoryHistory({ initialEntries: [path] }));
  const client = newQueryClient();
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  const user = userEvent.setup();
  return { ...render(<App router={router} client={client} />), router, client, user };
}

/** Expects that axe finds no fault with the page. jsdom knows no colours: contrast is looked at in a browser. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)).toEqual([]);
}
