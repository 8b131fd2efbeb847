import { screen, waitFor } from '@testing-library/react';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { posts } from '@/testing/posts';
import { answers, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

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

  test('that has no volume cannot be backed up, and says why', async () => {
    openConsole('/claims/shop/queue');
    const button = await screen.findByRole('button', { name: 'Back up now' });
    expect(button).toBeDisabled();
    expect(button).toHaveAccessibleDescription('There is no volume to back up yet.');
  });

  test('that is held says so once, and not that it is on its way', async () => {
    const why = 'no backup of shop/queue exists and one is required';
    const condition = { type: 'Selected', met: false, reason: 'RequiredBackupMissing', message: why, since: '2026-04-12T10:00:00Z' };
    const held = { ...golden.restore, namespace: 'shop', pvc: 'queue', phase: 'Selecting', backup: null, progress: null, message: why, conditions: [condition], created_at: '2026-04-12T10:00:00Z' };
    server.use(answers('/v1/restores', { restores: [held] }));
    openConsole('/claims/shop/queue');
    await waitFor(() => expect(screen.getAllByText(why)).toHaveLength(1));
    expect(screen.queryByText('Selecting')).not.toBeInTheDocument();
    expect(screen.queryByRole('heading', { name: 'Getting its data back' })).not.toBeInTheDocument();
    await expectAccessible();
  });

  test('whose backups are being looked for is not held, however long ago it was asked for', async () => {
    const condition = { type: 'Selected', met: false, reason: 'CheckingForBackups', message: 'the listing is under way', since: '2026-04-12T15:30:40Z' };
    const looking = { ...golden.restore, namespace: 'shop', pvc: 'queue', phase: 'Selecting', backup: null, progress: null, message: 'x', conditions: [condition] };
    const namespaces = golden.inventory.namespaces.map((namespace) => ({ ...namespace, pvcs: namespace.pvcs.map((claim) => (claim.pvc === 'queue' ? { ...claim, hold_reason: 'CheckingForBackups' } : claim)) }));
    server.use(answers('/v1/restores', { restores: [looking] }), answers('/v1/inventory', { ...golden.inventory, namespaces }));
    openConsole('/claims/shop/queue');
    expect(await screen.findByText('It is being looked whether the claim has backups. It starts in seconds.')).toBeVisible();
    expect(screen.getByText('Checking for backups')).toBeVisible();
    expect(screen.queryByText('Held')).not.toBeInTheDocument();
    await expectAccessible();
  });

  test('that would get an old backup again says so, and how that is dropped', async () => {
    const choice = { as_of: '2026-03-01T12:00:00Z', spent: true, message: 'restore-as-of would bring the data of 2026-03-01 back', drop: 'kubectl -n media annotate pvc photos soteria.dev/restore-as-of-' };
    const namespaces = golden.inventory.namespaces.map((namespace) => ({ ...namespace, pvcs: namespace.pvcs.map((claim) => (claim.pvc === 'photos' ? { ...claim, choice } : claim)) }));
    server.use(answers('/v1/inventory', { ...golden.inventory, namespaces }));
    openConsole('/claims/media/photos');
    expect(await screen.findByText('If this claim were made again, it would get this backup again')).toBeVisible();
    expect(screen.getByText(choice.drop)).toBeVisible();
    await expectAccessible();
    openConsole('/');
    expect(await screen.findByRole('heading', { name: /^Would get an old backup again ?1 claim$/ })).toBeVisible();
  });

  test('that would start empty again says so, and not that a backup would come back', async () => {
    openConsole('/claims/media/thumbnails');
    expect(await screen.findByText('If this claim were made again, it would start empty again')).toBeVisible();
    expect(screen.getByText(/soteria.dev\/skip-reason-$/)).toBeVisible();
    expect(screen.queryByText(/get this backup again/)).not.toBeInTheDocument();
    await expectAccessible();
  });

  test('that is held says why', async () => {
    openConsole('/claims/shop/queue');
    expect((await screen.findAllByText('no backup of shop/queue exists and one is required'))[0]).toBeVisible();
  });
});
