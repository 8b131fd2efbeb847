import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

/** Has a path answer to POST, and gives the bodies that were sent. */
function posts(path: string, reply: (body: Record<string, unknown>) => { body: object; status: number }) {
  const sent: Record<string, unknown>[] = [];
  server.use(
    http.post(at(path), async ({ request }) => {
      const body = (await request.json()) as Record<string, unknown>;
      sent.push(body);
      const { status, body: answer } = reply(body);
      return HttpResponse.json(answer, { status });
    }),
  );
  return sent;
}

/** An event of how a backup ended. */
const ended = (reason: string, message: string) => ({ ...golden.events.events[0], reason, message });

describe('a claim', () => {
  test('is backed up at one click, and the backup is shown once it is listed', async () => {
    const sent = posts('/v1/backup', () => ({ status: 202, body: { driver: 'restic', job_name: 'soteria-backup-1', namespace: 'media', requested_by: 'ada', dry_run: false } }));
    const { user, client } = openConsole('/claims/media/photos');
    await screen.findAllByText('aaaaaaaaaaaa');
    await user.click(screen.getByRole('button', { name: 'Back up now' }));
    expect(await screen.findByText('A backup is under way')).toBeVisible();
    expect(sent).toEqual([{ namespace: 'media', pvc: 'photos' }]);
    const [newest] = golden.backups.backups;
    server.use(answers('/v1/backups', { ...golden.backups, total: 3, backups: [{ ...newest, id: 'cccccccccccc', taken_at: '2026-04-12T15:31:30Z' }, ...golden.backups.backups] }));
    await client.refetchQueries();
    expect(await screen.findByText('The backup is there')).toBeVisible();
    await expectAccessible();
  });

  test('whose backup fails says so, and why', async () => {
    posts('/v1/backup', () => ({ status: 202, body: { driver: 'restic', job_name: 'soteria-backup-1', namespace: 'media', requested_by: 'ada', dry_run: false } }));
    const { user, client } = openConsole('/claims/media/photos');
    await screen.findAllByText('aaaaaaaaaaaa');
    await user.click(screen.getByRole('button', { name: 'Back up now' }));
    expect(await screen.findByText('A backup is under way')).toBeVisible();
    server.use(answers('/v1/events', { ...golden.events, events: [ended('BackupFailed', 'backup by Job soteria-backup-1 failed: wrong password')] }));
    await client.refetchQueries();
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('The backup failed');
    expect(alert).toHaveTextContent('wrong password');
    await expectAccessible();
  });

  test('that cannot be backed up now says why', async () => {
    posts('/v1/backup', () => ({ status: 409, body: { error: 'a backup of media/photos is running: Job soteria-backup-1', code: 'conflict' } }));
    const { user } = openConsole('/claims/media/photos');
    await screen.findAllByText('aaaaaaaaaaaa');
    await user.click(screen.getByRole('button', { name: 'Back up now' }));
    expect((await screen.findAllByText('a backup of media/photos is running: Job soteria-backup-1'))[0]).toBeVisible();
  });

  test('that exists only as backups cannot be backed up, but restored', async () => {
    openConsole('/claims/attic/wiki');
    expect(await screen.findByText('This claim exists only as backups')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Back up now' })).not.toBeInTheDocument();
    expect(screen.getAllByRole('link', { name: 'Restore…' })[0]).toHaveAttribute('href', '/restore?namespace=attic&pvc=wiki');
  });

  test('that is held says why', async () => {
    openConsole('/claims/shop/queue');
    expect((await screen.findAllByText('no backup of shop/queue exists and one is required'))[0]).toBeVisible();
  });
});

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

describe('a policy', () => {
  test('is made with its schedule in words and its next runs', async () => {
    const sent = posts('/v1/policies', () => ({ status: 201, body: golden.policies.policies[1] ?? {} }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'New policy…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New policy' });
    await user.type(within(dialog).getByRole('combobox', { name: 'Namespace' }), 'media');
    expect(await within(dialog).findByText('There is a policy for this already')).toBeVisible();
    await user.selectOptions(within(dialog).getByRole('combobox', { name: 'When' }), 'schedule');
    await user.type(within(dialog).getByRole('textbox', { name: 'Schedule' }), '0 2 * * *');
    expect(await within(dialog).findByText('At 02:00, every day, UTC')).toBeVisible();
    expect(within(dialog).getAllByRole('listitem')).toHaveLength(5);
    await expectAccessible();
    await user.click(within(dialog).getByRole('button', { name: 'Keep the policy' }));
    await waitFor(() => expect(screen.queryByRole('dialog', { name: 'New policy' })).not.toBeInTheDocument());
    expect(sent).toEqual([{ namespace: 'media', pvc: '', schedule: '0 2 * * *', enabled: true }]);
  });

  test('that the API refuses is marked at the field, in its words', async () => {
    posts('/v1/policies', () => ({ status: 400, body: golden.policyInvalid }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'Change the policy for media/photos' }));
    await user.click(await screen.findByRole('button', { name: 'Keep the policy' }));
    const field = screen.getByRole('textbox', { name: 'Schedule' });
    await waitFor(() => expect(field).toHaveAccessibleDescription(new RegExp('cannot be understood: expected exactly 5 fields')));
    expect(field).toBeInvalid();
  });

  test('is deleted after a question, and comes back when that is undone', async () => {
    const [policy] = golden.policies.policies;
    const deleted: string[] = [];
    server.use(
      http.delete(at('/v1/policies/:id'), ({ params }) => {
        deleted.push(String(params.id));
        return HttpResponse.json(policy);
      }),
    );
    const sent = posts('/v1/policies', () => ({ status: 201, body: policy ?? {} }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: /^Delete the policy for every claim of media/ }));
    expect(deleted).toEqual([]);
    await user.click(within(await screen.findByRole('alertdialog')).getByRole('button', { name: 'Delete the policy' }));
    await user.click(await screen.findByRole('button', { name: 'Undo' }));
    await waitFor(() => expect(sent).toEqual([{ namespace: 'media', pvc: '', interval_hours: 6, enabled: true }]));
    expect(deleted).toEqual([policy?.id]);
  });

  test('is paused with all else of it as it was', async () => {
    const sent = posts('/v1/policies', () => ({ status: 200, body: { ...golden.policies.policies[1], enabled: false } }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'Pause the policy for media/photos' }));
    expect((await screen.findAllByText('The policy is paused'))[0]).toBeVisible();
    expect(sent).toEqual([{ namespace: 'media', pvc: 'photos', schedule: '0 2 * * *', driver: 'restic', keep: { last: 3, daily: 7, weekly: 4 }, enabled: false }]);
  });

  test('that is declared on its claim can only be changed there', async () => {
    openConsole('/policies');
    expect(await screen.findByText('Change it on the claim, where Git may hold it.')).toBeVisible();
    expect(screen.queryByRole('button', { name: /web\/data/ })).not.toBeInTheDocument();
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
