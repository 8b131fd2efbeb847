import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, server } from '@/testing/server';

const lineOf = async (claim: string) => {
  const line = (await screen.findByRole('link', { name: claim })).closest<HTMLElement>('[role=row]');
  if (!line) throw new Error(`${claim} is in no line`);
  return line;
};
const drawingIn = (line: HTMLElement) => line.querySelector('.cell-days [role=img]');

test('the inventory draws on which days a claim was backed up, and says it', async () => {
  openConsole('/inventory');
  expect(drawingIn(await lineOf('photos'))).toHaveTextContent('backups on 2 of the last 14 days, none today');
  expect(drawingIn(await lineOf('wiki'))).toHaveTextContent('no backup known of the last 14 days');
  await expectAccessible();
});

test('a claim without a known backup has no drawing, which would look like a proof', async () => {
  openConsole('/inventory');
  expect(drawingIn(await lineOf('music'))).toBeNull();
});

test('a day of which nobody can tell is not drawn as one without backups', async () => {
  server.use(answers('/v1/inventory', golden.inventoryLookupFailed));
  openConsole('/inventory');
  const drawing = drawingIn(await lineOf('photos'));
  expect(drawing).toHaveTextContent('backups on 2 of the last 14 days; today cannot be told');
  expect(drawing?.querySelectorAll('.days-boxes')).toHaveLength(1);
});
