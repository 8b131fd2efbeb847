import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, server } from '@/testing/server';

test('the storage view tells how the bucket has grown: in words, as a curve and day by day', async () => {
  const { user } = openConsole('/storage');
  expect(await screen.findByText('+50.0 GiB in 31 days')).toBeVisible();
  expect(screen.getByText('−1.0 GiB in 7 days')).toBeVisible();
  expect(screen.getByRole('img', { name: /150\.0 GiB on 2026-01-29, 200\.0 GiB on 2026-03-01/ })).toBeVisible();
  await user.click(screen.getByText('Day by day'));
  const table = within(screen.getByRole('group', { name: 'Stored, day by day' }));
  expect(table.getByRole('row', { name: '2026-02-22 201.0 GiB +51.0 GiB 41,400' })).toBeVisible();
  await expectAccessible();
});

test('of one day there is no growth to tell, and no curve', async () => {
  server.use(answers('/v1/b2', golden.bucketStale));
  openConsole('/storage');
  expect(await screen.findByText('It is told once the bucket was scanned on another day.')).toBeVisible();
  expect(screen.queryByRole('img')).not.toBeInTheDocument();
});

test('a Soteria that keeps no history yet is not mistaken for a bucket that never grew', async () => {
  server.use(answers('/v1/b2', { ...golden.bucket, history: [] }));
  openConsole('/storage');
  expect(await screen.findByText(/once the bucket was scanned on another day/)).toBeVisible();
});
