import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Batch, BatchMember } from '@/api/types';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, at, refuses, server } from '@/testing/server';
import { backupsInWords, batchInWords, restoresInWords } from './members';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

const MEMBERS: BatchMember[] = [
  { pvc: 'books', target_pvc: 'books', state: 'refused', error: 'no backup is that old', settle: 'kubectl get pvc' },
  { pvc: 'music', target_pvc: 'music', state: 'done', driver: 'restic', backup: 'bbbb', restore: 'soteria-b' },
  { pvc: 'photos', target_pvc: 'photos', state: 'started', driver: 'restic', backup: 'aaaa', restore: 'soteria-a', phase: 'Transferring', progress: { bytes_done: 1024, bytes_total: 4096, files_done: 1, files_total: 12, summary: '25 %' }, message: 'restoring' },
  { pvc: 'wiki', target_pvc: 'wiki', state: 'waiting' },
];

function batchOf(members: BatchMember[], change: Partial<Batch> = {}): Batch {
  const count = (state: BatchMember['state']) => members.filter((member) => member.state === state).length;
  return {
    id: 'b1', kind: 'restore', state: 'starting', namespace: 'media', target_namespace: 'media', requested_by: 'ada', created_at: '2026-04-12T15:30:00Z', started_all_at: null,
    counts: { members: members.length, waiting: count('waiting'), refused: count('refused'), started: count('started'), done: count('done'), failed: count('failed'), unknown: count('unknown'), gone: count('gone') },
    members, ...change,
  };
}

describe('a batch', () => {
  test('says in a sentence how far its claims are', () => {
    expect(restoresInWords(batchOf(MEMBERS))).toBe('1 of 4 claims has its data back; 1 under way, 1 not started yet, 1 refused.');
    expect(restoresInWords(batchOf([{ pvc: 'a', state: 'done' }, { pvc: 'b', state: 'gone' }]))).toBe('1 of 2 claims has its data back; 1 deleted since.');
    expect(backupsInWords(batchOf([{ pvc: 'a', state: 'done' }, { pvc: 'b', state: 'failed' }, { pvc: 'c', state: 'unknown' }, { pvc: 'd', state: 'started' }], { kind: 'backup' }))).toBe(
      '1 of 4 backups is complete; 1 under way, 1 failed, 1 whose end is not known.',
    );
    expect(batchInWords({ kind: 'restore', namespace: 'media', target_namespace: 'lab' })).toBe('Restore of media to lab');
    expect(batchInWords({ kind: 'backup', namespace: 'media' })).toBe('Backup of media');
  });

  test('shows the progress of each claim at an address that can be loaded again', async () => {
    server.use(answers('/v1/batches/b1', batchOf(MEMBERS)));
    openConsole('/batches/b1');
    expect(await screen.findByRole('heading', { name: 'Restore of media' })).toBeVisible();
    expect(screen.getByRole('row', { name: /^photos/ })).toHaveTextContent(/transferring.*25 %/);
    expect(screen.getByRole('row', { name: /^books/ })).toHaveTextContent(/Refused.*no backup is that old.*kubectl get pvc/);
    expect(screen.getByRole('row', { name: /^wiki/ })).toHaveTextContent('Waiting');
    expect(screen.getByRole('row', { name: /^music/ })).toHaveTextContent('Data is back');
    await expectAccessible();
  });

  test('that has ended says so, and is not asked for any more', async () => {
    const members: BatchMember[] = [{ pvc: 'photos', target_pvc: 'photos', state: 'done' }];
    let asked = 0;
    server.use(
      http.get(at('/v1/batches/b1'), () => {
        asked++;
        return HttpResponse.json(batchOf(members, { state: 'done' }));
      }),
    );
    const { client } = openConsole('/batches/b1');
    expect(await screen.findByRole('heading', { name: 'The data is back' })).toBeVisible();
    expect(client.getQueryCache().find({ queryKey: ['batches', 'b1'] })?.observers[0]?.getCurrentResult().isFetching).toBe(false);
    expect(asked).toBe(1);
  });

  test('that is not kept any more says what became of its claims', async () => {
    server.use(refuses('/v1/batches/b0', 404, 'not_found', 'there is no batch b0'));
    openConsole('/batches/b0');
    expect(await screen.findByText('This work is not known any more')).toBeVisible();
    await expectAccessible();
  });

  test('of backups tells how each ended', async () => {
    const members: BatchMember[] = [{ pvc: 'photos', state: 'started', driver: 'restic', job_name: 'soteria-backup-1' }, { pvc: 'wiki', state: 'refused', error: 'it is not bound' }];
    const [event] = golden.events.events;
    server.use(
      answers('/v1/batches/b1', batchOf(members, { kind: 'backup', state: 'running' })),
      answers('/v1/events', { ...golden.events, events: [{ ...event, reason: 'BackupCompleted', message: 'backup 01234567 by Job soteria-backup-1 is complete' }] }),
    );
    openConsole('/batches/b1');
    expect(await screen.findByText('1 of 1 backup has ended: 1 complete.')).toBeVisible();
    expect(screen.getByRole('row', { name: /^wiki/ })).toHaveTextContent('it is not bound');
    await expectAccessible();
  });
});

describe('a restore of a namespace that goes on in the server', () => {
  const planned = () =>
    server.use(
      http.post(at('/v1/restores/namespace'), async ({ request }) => {
        const { dry_run } = (await request.json()) as { dry_run?: boolean };
        return dry_run ? HttpResponse.json(golden.namespaceRestoreDryRun) : HttpResponse.json(batchOf(MEMBERS), { status: 202, headers: { Location: '/v1/batches/b1' } });
      }),
      answers('/v1/batches/b1', batchOf(MEMBERS)),
    );

  test('is followed at the address of its batch', async () => {
    planned();
    const { user, router } = openConsole('/restore?of=namespace&namespace=media');
    const button = await screen.findByRole('button', { name: /^Restore 1/ });
    await waitFor(() => expect(button).toBeEnabled());
    await user.click(button);
    await waitFor(() => expect(router.state.location.pathname).toBe('/batches/b1'));
    expect(await screen.findByRole('heading', { name: 'Restore of media' })).toBeVisible();
  });

  test('leads whoever left meanwhile back to it, and does not take them there', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    server.use(
      http.post(at('/v1/restores/namespace'), async ({ request }) => {
        const { dry_run } = (await request.json()) as { dry_run?: boolean };
        if (dry_run) return HttpResponse.json(golden.namespaceRestoreDryRun);
        await held;
        return HttpResponse.json(batchOf(MEMBERS), { status: 202 });
      }),
      answers('/v1/batches/b1', batchOf(MEMBERS)),
    );
    const { user, router } = openConsole('/restore?of=namespace&namespace=media');
    const button = await screen.findByRole('button', { name: /^Restore 1/ });
    await waitFor(() => expect(button).toBeEnabled());
    await user.click(button);
    await user.click(within(screen.getByRole('navigation', { name: 'Views' })).getByRole('link', { name: /^Policies/ }));
    await screen.findByRole('heading', { name: 'Policies' });
    release();
    expect((await screen.findAllByText('The restore of media goes on'))[0]).toBeVisible();
    expect(router.state.location.pathname).toBe('/policies');
    await user.click(screen.getByRole('button', { name: 'See how far it is' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/batches/b1'));
  });
});

test('a restore of a claim is followed at an address that can be loaded again', async () => {
  const done = { ...golden.restore, name: 'soteria-abc', pvc: 'photos-restored', phase: 'Completed' };
  server.use(answers('/v1/restores', { restores: [done] }));
  openConsole('/restore?namespace=media&pvc=photos&as=photos-restored&started=soteria-abc');
  expect(await screen.findByRole('heading', { name: 'The data is back' })).toBeVisible();
  await expectAccessible();
});
