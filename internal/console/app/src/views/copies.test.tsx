import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Copy } from '@/api/types';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-03-01T13:00:00Z'), toFake: ['Date'] });
});

/** Has the API tell of copies, and take what removes them; returns the addresses that were asked to be removed. */
function removes(copies: Copy[], reply: () => { status: number; body: object } = () => ({ status: 200, body: golden.copyRemoved })): string[] {
  const sent: string[] = [];
  server.use(
    answers('/v1/copies', { ...golden.copies, copies, warnings: undefined }),
    http.delete(at('/v1/copies/:namespace/:pvc'), ({ request }) => {
      const { pathname, search } = new URL(request.url);
      sent.push(pathname + search);
      const { status, body } = reply();
      return HttpResponse.json(body, { status });
    }),
  );
  return sent;
}

const [look, used, untold, old] = golden.copies.copies as [Copy, Copy, Copy, Copy];
const lineOf = (name: string) => screen.findByRole('row', { name: new RegExp(name) });

describe('copies to look at', () => {
  test('are listed with when each goes by itself, and what removes it', async () => {
    server.use(answers('/v1/copies', golden.copies));
    openConsole('/restores');
    expect(await lineOf('media/look')).toHaveTextContent('in 23 h');
    expect(screen.getByText('a record cannot be understood')).toBeVisible();
    expect(within(await lineOf('media/used')).getByText(/^since/)).toBeVisible();
    expect(await lineOf('attic/old')).toHaveTextContent('never');
    expect(screen.getByRole('button', { name: 'Remove media/look…' })).toBeEnabled();
    // What could not be told, or is not proved, is not removed here.
    expect(screen.queryByRole('button', { name: 'Remove media/untold…' })).not.toBeInTheDocument();
    expect(screen.queryByRole('button', { name: 'Remove attic/old…' })).not.toBeInTheDocument();
    expect(within(await lineOf('attic/old')).getByText(old.remove)).toBeVisible();
    await expectAccessible();
  });

  test('are not spoken of where there are none', async () => {
    openConsole('/restores');
    await screen.findByRole('heading', { name: 'Under way' });
    expect(screen.queryByRole('heading', { name: 'Copies to look at' })).not.toBeInTheDocument();
  });

  test('that could not be told are not said to be none', async () => {
    server.use(answers('/v1/copies', { error: 'listing claims timed out', code: 'unavailable' }, 503));
    openConsole('/restores');
    expect(await screen.findByText('Which copies there are is not known')).toBeVisible();
    expect(screen.getByText('listing claims timed out')).toBeVisible();
  });

  test('are removed after a question that names the claim', async () => {
    const sent = removes([look]);
    const { user } = openConsole('/restores');
    await user.click(await screen.findByRole('button', { name: 'Remove media/look…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove media/look?' });
    expect(sent).toEqual([]);
    await expectAccessible();
    await user.click(within(dialog).getByRole('button', { name: 'Remove look' }));
    expect(await screen.findByText('media/look was removed')).toBeVisible();
    expect(screen.getByText(golden.copyRemoved.message)).toBeVisible();
    expect(sent).toEqual(['/v1/copies/media/look?uid=7f0e']);
    expect(screen.queryByRole('dialog', { name: 'Remove media/look?' })).not.toBeInTheDocument();
  });

  test('stay where one says no', async () => {
    const sent = removes([look]);
    const { user } = openConsole('/restores');
    await user.click(await screen.findByRole('button', { name: 'Remove media/look…' }));
    await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Cancel' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).not.toBeInTheDocument());
    expect(sent).toEqual([]);
  });

  test('that a pod uses are removed only where that is said', async () => {
    const sent = removes([used]);
    const { user } = openConsole('/restores');
    await user.click(await screen.findByRole('button', { name: 'Remove media/used…' }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove media/used?' });
    expect(within(dialog).getByText('It is used by pod viewer')).toBeVisible();
    const remove = within(dialog).getByRole('button', { name: 'Remove used' });
    expect(remove).toBeDisabled();
    await user.click(within(dialog).getByRole('checkbox', { name: 'Remove it although a pod uses it' }));
    await user.click(remove);
    await waitFor(() => expect(sent).toEqual(['/v1/copies/media/used?uid=7f0e&while_used=true']));
  });

  test.each([
    ['since a pod has begun to use it', 409, { error: 'pod viewer uses claim media/look', title: 'A pod uses the copy', code: 'conflict', reason: 'in_use' }, 'A pod uses the copy'],
    ['since it is not proved to be one', 409, golden.copyRefused, 'It is not proved that Soteria made this claim', 'kubectl -n media delete pvc look'],
    ['since Kubernetes forbids it', 403, { error: 'claims may not be deleted', title: 'Kubernetes refuses this', code: 'denied', reason: 'permission', settle: 'kubectl -n media delete pvc look' }, 'Kubernetes refuses this', 'kubectl -n media delete pvc look'],
    ['as far as is known', 504, '<html>', 'Whether it was removed is not known'],
  ])('that are not removed say why: %s', async (_, status, body, title, settle = '') => {
    removes([look], () => ({ status, body: body as object }));
    const { user } = openConsole('/restores');
    await user.click(await screen.findByRole('button', { name: 'Remove media/look…' }));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: 'Remove look' }));
    const alert = await within(dialog).findByRole('alert');
    expect(alert).toHaveTextContent(title);
    if (settle) expect(alert).toHaveTextContent(settle);
    expect(within(dialog).queryByRole('checkbox') !== null).toBe(title === 'A pod uses the copy');
    await expectAccessible();
  });
});

describe('a claim that is a copy', () => {
  const spared = { ...golden.inventory.namespaces[0]?.pvcs[0], namespace: 'media', pvc: 'look', health_reason: 'skipped', copy: true, health_message: 'the claim was made by a restore test' };
  const inventory = { ...golden.inventory, namespaces: [{ name: 'media', pvcs: [spared] }] };

  test('is marked as one in the inventory', async () => {
    server.use(answers('/v1/inventory', inventory));
    openConsole('/inventory');
    await waitFor(async () => expect(await lineOf('look')).toHaveTextContent('Copy'));
    expect(await lineOf('look')).not.toHaveTextContent('Skipped');
  });

  test('says so on its page, and is kept or removed there', async () => {
    const sent = removes([look]);
    server.use(answers('/v1/inventory', inventory));
    const { user } = openConsole('/claims/media/look');
    expect(await screen.findByText('It was made to look at a backup: policies do not back it up, and it is not counted.')).toBeVisible();
    expect(screen.getByText(look.keep)).toBeVisible();
    expect(screen.queryByText('Skipped')).not.toBeInTheDocument();
    await expectAccessible();
    await user.click(screen.getByRole('button', { name: 'Remove media/look…' }));
    await user.click(within(await screen.findByRole('dialog', { name: 'Remove media/look?' })).getByRole('button', { name: 'Remove look' }));
    await waitFor(() => expect(sent).toEqual(['/v1/copies/media/look?uid=7f0e']));
  });

  test('of which it could not be told whether a pod uses it is not removed', async () => {
    server.use(answers('/v1/copies', { ...golden.copies, copies: [{ ...untold, pvc: 'look' }] }), answers('/v1/inventory', inventory));
    openConsole('/claims/media/look');
    expect(await screen.findByText(/^It was made to look at a backup/)).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Remove media/look…' })).not.toBeInTheDocument();
  });
});
