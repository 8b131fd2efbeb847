import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { posts } from '@/testing/posts';
import { answers, at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

/** An event of how a backup ended. */
const ended = (reason: string, message: string) => ({ ...golden.events.events[0], reason, message });

describe('a namespace', () => {
  test('is backed up after what would be started was shown', async () => {
    const sent = posts('/v1/backup/namespace', ({ dry_run }) => ({
      status: dry_run ? 200 : 202,
      body: { ...golden.namespaceBackup, dry_run: Boolean(dry_run), results: golden.namespaceBackup.results.map((result) => ({ ...result, result: dry_run ? 'would_start' : 'started' })) },
    }));
    const { user } = openConsole('/inventory?ns=media');
    await user.click(await screen.findByRole('button', { name: /Back up all claims of media/ }));
    const dialog = await screen.findByRole('dialog', { name: 'Back up media' });
    await user.click(await within(dialog).findByRole('button', { name: 'Back up 2 claims' }));
    expect(await within(dialog).findByText('What became of each claim:')).toBeVisible();
    expect(within(dialog).getAllByText('Started')).toHaveLength(2);
    expect(sent.map(({ dry_run }) => dry_run ?? false)).toEqual([true, false]);
    await expectAccessible();
  });

  test('is told how each of its backups ended, and why one failed', async () => {
    const results = ['books', 'photos'].map((pvc) => ({ pvc, driver: 'restic', job_name: `soteria-backup-${pvc}` }));
    posts('/v1/backup/namespace', ({ dry_run }) => ({ status: 202, body: { ...golden.namespaceBackup, results: results.map((each) => ({ ...each, result: dry_run ? 'would_start' : 'started' })) } }));
    const failed = 'backup by Job soteria-backup-books failed: wrong password';
    const events = [ended('BackupFailed', failed), ended('BackupCompleted', 'backup 01234567 by Job soteria-backup-photos is complete')];
    const asked: Record<string, string>[] = [];
    server.use(
      http.get(at('/v1/events'), ({ request }) => {
        asked.push(Object.fromEntries(new URL(request.url).searchParams));
        return HttpResponse.json({ ...golden.events, pvc: '', events });
      }),
    );
    const { user } = openConsole('/inventory?ns=media');
    await user.click(await screen.findByRole('button', { name: /Back up all claims of media/ }));
    const dialog = await screen.findByRole('dialog', { name: 'Back up media' });
    await user.click(await within(dialog).findByRole('button', { name: 'Back up 2 claims' }));
    expect(await within(dialog).findByText('2 of 2 backups have ended: 1 complete, 1 failed.')).toBeVisible();
    expect(within(dialog).getByRole('row', { name: /books/ })).toHaveTextContent(failed);
    expect(within(dialog).getByRole('row', { name: /photos/ })).toHaveTextContent('Complete');
    // Enough for each claim of the batch, however many there are.
    expect(asked[0]).toEqual({ namespace: 'media', limit: '100' });
  });
});

describe('the inventory', () => {
  test('keeps its filters in the address', async () => {
    const { user, router } = openConsole('/inventory');
    await user.selectOptions(await screen.findByRole('combobox', { name: 'State' }), 'stale');
    await user.type(screen.getByRole('searchbox', { name: 'Search' }), 'pho');
    await waitFor(() => expect(router.state.location.search).toEqual({ state: 'stale', q: 'pho' }));
    expect(await screen.findByText(/1 claim in 1 namespace match/)).toBeVisible();
    expect(screen.getByRole('link', { name: 'photos' })).toHaveAttribute('href', '/claims/media/photos');
    await user.click(screen.getByRole('button', { name: 'Clear' }));
    expect(await screen.findByText(/12 claims in 5 namespaces/)).toBeVisible();
  });

  test('closes a namespace and opens it again', async () => {
    const { user } = openConsole('/inventory?ns=media');
    await user.click(await screen.findByRole('button', { name: 'media' }));
    expect(screen.queryByRole('link', { name: 'photos' })).not.toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'media' }));
    expect(screen.getByRole('link', { name: 'photos' })).toBeVisible();
  });

  test('has no more lines on the page than are in sight, of 10,000', async () => {
    const [namespace] = golden.inventory.namespaces;
    const pvcs = Array.from({ length: 10_000 }, (_, i) => ({ ...namespace?.pvcs[0], pvc: `claim-${i}` }));
    server.use(answers('/v1/inventory', { ...golden.inventory, orphans: [], namespaces: [{ name: 'ai', pvcs }] }));
    openConsole('/inventory');
    expect(await screen.findByText(/10,000 claims in 1 namespace/)).toBeVisible();
    expect(screen.getAllByRole('row').length).toBeLessThan(100);
    expect(screen.getByRole('table')).toHaveAttribute('aria-rowcount', '10002');
  });
});

describe('a restore of a claim', () => {
  test('begins with its plan, and restores the backup that the plan shows', async () => {
    const sent = posts('/v1/restores', ({ dry_run }) => (dry_run ? { status: 200, body: golden.restoreDryRun } : { status: 202, body: golden.restoreStarted }));
    const { user } = openConsole('/restore?namespace=media&pvc=photos');
    const button = screen.queryByRole('button', { name: 'Restore to the new claim' }) ?? (await screen.findByRole('button', { name: 'Restore to the new claim' }));
    expect(button).toBeDisabled();
    expect(await screen.findByText('media/photos-restored')).toBeVisible();
    await waitFor(() => expect(button).toBeEnabled());
    await expectAccessible();
    await user.click(button);
    expect(await screen.findByRole('heading', { name: 'The restore was started' })).toBeVisible();
    expect(sent.at(-1)).toEqual({ namespace: 'media', pvc: 'photos', snapshot: 'aaaaaaaaaaaa', target_namespace: 'media', target_pvc: 'photos-restored' });
    expect(sent.slice(0, -1).every(({ dry_run }) => dry_run === true)).toBe(true);
  });

  test('is refused as one types the name of a claim that exists, at its field', async () => {
    posts('/v1/restores', ({ target_pvc }) => (target_pvc === 'books' ? { status: 409, body: { ...golden.restoreConflict, error: 'claim media/books exists' } } : { status: 200, body: golden.restoreDryRun }));
    const { user } = openConsole('/restore?namespace=media&pvc=photos');
    const field = await screen.findByRole('textbox', { name: 'Name of the new claim' });
    await user.type(field, 'books');
    await waitFor(() => expect(field).toHaveAccessibleDescription(/claim media\/books exists/));
    expect(field).toBeInvalid();
    expect(screen.getByRole('button', { name: 'Restore to the new claim' })).toBeDisabled();
    await expectAccessible();
    await user.type(field, '2');
    await waitFor(() => expect(screen.getByRole('button', { name: 'Restore to the new claim' })).toBeEnabled());
  });

  test('that could not be started says why, until something else is wished', async () => {
    posts('/v1/restores', ({ dry_run }) => (dry_run ? { status: 200, body: golden.restoreDryRun } : { status: 429, body: { error: 'too much at once', code: 'busy' } }));
    const { user } = openConsole('/restore?namespace=media&pvc=photos');
    const button = await screen.findByRole('button', { name: 'Restore to the new claim' });
    await waitFor(() => expect(button).toBeEnabled());
    await user.click(button);
    expect(await screen.findByText('too much at once')).toBeVisible();
    await user.type(screen.getByRole('textbox', { name: 'Name of the new claim' }), 'other');
    await waitFor(() => expect(screen.queryByText('too much at once')).not.toBeInTheDocument());
  });

  test('may be of a backup that is chosen from the list, which goes into the address', async () => {
    posts('/v1/restores', () => ({ status: 200, body: golden.restoreDryRun }));
    const { user, router } = openConsole('/restore?namespace=media&pvc=photos');
    await screen.findByRole('option', { name: /The latest: / });
    await user.selectOptions(screen.getByRole('combobox', { name: 'Backup' }), 'bbbbbbbbbbbb');
    await waitFor(() => expect(router.state.location.search).toEqual({ namespace: 'media', pvc: 'photos', snapshot: 'bbbbbbbbbbbb' }));
  });
});

describe('a restore of a namespace', () => {
  test('shows what would become of each claim, then what became of it', async () => {
    posts('/v1/restores/namespace', ({ dry_run }) => (dry_run ? { status: 200, body: golden.namespaceRestoreDryRun } : { status: 202, body: golden.namespaceRestore }));
    const { user } = openConsole('/restore?of=namespace&namespace=media&orphans=true');
    expect(await screen.findByText('the last listing failed')).toBeVisible();
    const button = await screen.findByRole('button', { name: 'Restore 1 claim' });
    await waitFor(() => expect(button).toBeEnabled());
    await user.click(button);
    expect(await screen.findByRole('heading', { name: '2 restores were started' })).toBeVisible();
    expect(screen.getByText('media/restore-20260412-books')).toBeVisible();
    await expectAccessible();
  });

  test('that conflicts starts nothing, and says of which claim and why', async () => {
    posts('/v1/restores/namespace', () => ({ status: 409, body: golden.namespaceRestoreConflict }));
    openConsole('/restore?of=namespace&namespace=media');
    expect(await screen.findByText('claim media/restore-20260412-photos exists')).toBeVisible();
    expect(screen.getByText('Not started')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Restore' })).toBeDisabled();
  });
});

describe('the frame', () => {
  test('says who one is and what is under way, and looks as is asked for', async () => {
    const { user } = openConsole('/');
    expect(await screen.findByText('alice')).toBeVisible();
    expect(await screen.findByRole('link', { name: /Restores\s*2 ?under way/ })).toBeVisible();
    await user.selectOptions(screen.getByRole('combobox', { name: 'Look' }), 'light');
    expect(document.documentElement).toHaveAttribute('data-theme', 'light');
    await user.selectOptions(screen.getByRole('combobox', { name: 'Look' }), 'system');
    expect(document.documentElement).not.toHaveAttribute('data-theme');
  });
});
