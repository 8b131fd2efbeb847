import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Inventory, InventoryClaim } from '@/api/types';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

/** The golden inventory with one of its claims changed. */
function inventoryWith(pvc: string, change: Partial<InventoryClaim>): Inventory {
  return {
    ...golden.inventory,
    namespaces: golden.inventory.namespaces.map((namespace) => ({ ...namespace, pvcs: namespace.pvcs.map((claim) => (claim.pvc === pvc ? { ...claim, ...change } : claim)) })),
  };
}

const notice = async (title: string | RegExp) => {
  const words = (await screen.findByText(title)).closest<HTMLElement>('.notice');
  if (!words) throw new Error(`no notice says ${title}`);
  return within(words);
};

const [restoring] = golden.restores.restores;
const STALLED = { type: 'Stalled', met: true, reason: 'Quota', message: 'quota compute leaves no room: raise it', since: '2026-04-12T15:20:00Z' };
const stalledRestores = { restores: [{ ...restoring, conditions: [...(restoring?.conditions ?? []), STALLED] }] };

describe('the backups of a claim', () => {
  beforeEach(() => server.use(answers('/v1/backups', golden.backupsAssorted)));

  test('say how each ended, whose it is, and why it is not restored by itself', async () => {
    openConsole('/claims/media/photos');
    const table = within(await screen.findByRole('group', { name: 'Backups of this claim' }));
    const line = (id: string) => within(table.getByText(id).closest('tr') as HTMLElement);
    expect(line('a1f0').getByText(/more than 10 minutes ahead of now/)).toBeVisible();
    expect(line('b2f0').getByText('attic')).toBeVisible();
    expect(line('c3f0').getByText('Void')).toBeVisible();
    expect(line('c3f0').getByText(/at most a quarter of what the backup before it holds/)).toBeVisible();
    expect(line('d4f0').getByText('Not reviewed')).toBeVisible();
    expect(line('e5f0').getByText('Partial')).toBeVisible();
    expect(line('f6f0').getByText('restored by itself')).toBeVisible();
    expect(line('a7f0').getByText(/it is of 2 paths/)).toBeVisible();
    await expectAccessible();
  });

  test('say which one is restored by itself, and which newer ones are passed over', async () => {
    openConsole('/claims/media/photos');
    const chosen = await notice('The backup that is restored by itself is f6f0, by restic');
    expect(chosen.getByText(/backup c3f0.* not chosen by itself: it was saved and does not count/)).toBeVisible();
  });

  test('say why none is restored by itself', async () => {
    server.use(answers('/v1/backups', { ...golden.backupsAssorted, chosen: undefined, unchosen: 'backup a1f0, dated 2027-03-01, not chosen by itself' }));
    openConsole('/claims/media/photos');
    expect((await notice('None of these backups is restored by itself')).getByText(/backup a1f0/)).toBeVisible();
    await expectAccessible();
  });
});

describe('a claim', () => {
  test('whose newest backup is gone says when it was last seen, and how to accept it', async () => {
    server.use(answers('/v1/backups', golden.backupsMissing), answers('/v1/status', golden.statusDoubts));
    openConsole('/claims/media/photos');
    const missing = await notice('The newest backup of this claim is gone');
    expect(missing.getByText(/last seen on 2026-02-28/)).toBeVisible();
    expect(missing.getByRole('button', { name: 'Copy the command: soteria repository accept --claim media/photos' })).toBeEnabled();
    await waitFor(() => expect(screen.getAllByText(/last seen on 2026-02-28/)).toHaveLength(1));
    await expectAccessible();
  });

  test('that has no backup left but a missing one shows the command in the place of the list', async () => {
    server.use(answers('/v1/backups', golden.backupsGone, 503));
    openConsole('/claims/media/photos');
    const gone = await notice('A backup that was there is missing');
    expect(gone.getByText('soteria repository accept --claim media/photos')).toBeVisible();
    await expectAccessible();
  });

  test('that got past the gate says what happened, and the two ways out', async () => {
    const accept = "kubectl -n media annotate pvc photos soteria.dev/accept-data='uid-1 <reason>'";
    server.use(answers('/v1/inventory', inventoryWith('photos', { health_reason: 'unreviewed', health_message: 'The claim was bound without a verdict of Soteria’s.', accept_data: accept })));
    openConsole('/claims/media/photos');
    const unreviewed = await notice(/while the gate was off, although backups of it exist/);
    expect(unreviewed.getByText('The claim was bound without a verdict of Soteria’s.')).toBeVisible();
    expect(unreviewed.getByText(accept)).toBeVisible();
    expect(unreviewed.getByRole('link', { name: 'restore a backup to a new claim' })).toHaveAttribute('href', '/restore?namespace=media&pvc=photos');
    await expectAccessible();
  });

  test('that is held says what is in doubt of the repositories', async () => {
    server.use(answers('/v1/status', golden.statusDoubts));
    openConsole('/claims/shop/queue');
    expect((await notice('Nothing says that the restic repository holds all that it should')).getByText('soteria repository accept 5e1f')).toBeVisible();
    await expectAccessible();
  });

  test('whose restore does not go on says what holds it up, and never that this step is done', async () => {
    server.use(answers('/v1/restores', stalledRestores));
    openConsole('/claims/media/photos');
    const stalled = await notice('Nothing moves: a quota leaves no room for its pod');
    expect(stalled.getByText('quota compute leaves no room: raise it')).toBeVisible();
    expect(screen.queryByText('Stalled')).not.toBeInTheDocument();
    await expectAccessible();
  });
});

test('a backup that does not go on is shown on its claim and in the overview', async () => {
  server.use(answers('/v1/inventory', inventoryWith('photos', { backup_stalled: 'node one is gone: delete the Node' })));
  openConsole('/claims/media/photos');
  expect((await notice('A backup does not go on')).getByText('node one is gone: delete the Node')).toBeVisible();
  await expectAccessible();
  openConsole('/');
  expect(await screen.findByRole('heading', { name: /^Backup does not go on ?1 claim$/ })).toBeVisible();
});

describe('the overview', () => {
  test('says what is in doubt, the command that settles it, and how many claims wait', async () => {
    server.use(answers('/v1/status', golden.statusDoubts), answers('/v1/inventory', { ...inventoryWith('queue', { backup_count: 0 }), listings: golden.statusDoubts.listings }));
    openConsole('/');
    const unseen = await notice('Nothing says that the restic repository holds all that it should');
    expect(unseen.getByText(/^1 claim without a known backup waits now\. .* it starts empty/)).toBeVisible();
    expect(unseen.getByText('soteria repository accept 5e1f')).toBeVisible();
    expect((await notice('A backup system that held backups is not looked at any more')).getByText('soteria repository forget longhorn')).toBeVisible();
    expect((await notice('The s3 repository cannot be listed')).getByText('soteria repository accept s3 s3:backups')).toBeVisible();
    await expectAccessible();
  });

  test('says which cluster this is, who else uses its name, that clocks disagree, and which backups are gone', async () => {
    server.use(answers('/v1/status', golden.statusDoubts));
    openConsole('/');
    expect(await screen.findByText('home')).toBeVisible();
    expect(screen.getByText(/also restores backups of attic/)).toBeVisible();
    expect((await notice('Another cluster uses the name of this one')).getByText(/installation c0ffee/)).toBeVisible();
    expect((await notice('The clocks disagree')).getByText(/14m0s ahead.*no backup is called wrongly dated/)).toBeVisible();
    const gone = await notice('1 claim has lost the newest backup, which Soteria did not remove');
    expect(gone.getByRole('link', { name: 'media/photos' })).toBeVisible();
    expect(gone.getByText('soteria repository accept --claim media/photos')).toBeVisible();
    await expectAccessible();
  });

  test('counts the claims that got past the gate, and the restores that do not go on', async () => {
    server.use(answers('/v1/inventory', inventoryWith('photos', { health_reason: 'unreviewed', health_message: 'bound without a verdict' })), answers('/v1/restores', stalledRestores));
    openConsole('/');
    expect(await screen.findByRole('heading', { name: /^Unreviewed ?1 claim$/ })).toBeVisible();
    expect(await screen.findByRole('heading', { name: /^Restore does not go on ?1 claim$/ })).toBeVisible();
    expect(screen.getByText(/a quota leaves no room for its pod.*raise it/)).toBeVisible();
    await expectAccessible();
  });
});

describe('the plan', () => {
  test('says of a claim that would come back what is to be known of its backup', async () => {
    const claims = golden.plan.claims.map((claim) => (claim.pvc === 'photos' ? { ...claim, notes: ['the chosen backup is partial'] } : claim));
    server.use(answers('/v1/plan', { ...golden.plan, claims, listings: golden.statusDoubts.listings }));
    openConsole('/plan');
    expect(await screen.findByText('the chosen backup is partial')).toBeVisible();
    expect(screen.getByText('soteria repository forget longhorn')).toBeVisible();
    await expectAccessible();
  });
});

describe('the restore form', () => {
  const planned = (id: string) =>
    server.use(
      answers('/v1/backups', golden.backupsAssorted),
      http.post(at('/v1/restores'), () => HttpResponse.json({ ...golden.restoreDryRun, backup: id, notes: ['the API says so'] })),
    );

  test.each([
    ['a1f0', /Its date cannot be right/],
    ['b2f0', /It is of cluster attic/],
    ['c3f0', /holds at most a quarter of what the backup before it holds/],
    ['c3f0', /it lost most of what the one before it held/],
    ['d4f0', /It may be of an empty volume/],
    ['e5f0', /Some files could not be read/],
    ['a7f0', /It cannot be restored: it is of 2 paths/],
  ])('warns of backup %s that %s', async (id, words) => {
    planned(id);
    openConsole(`/restore?namespace=media&pvc=photos&snapshot=${id}`);
    const warning = await notice('Look at this before you restore');
    expect(await warning.findByText(words)).toBeVisible();
    expect(warning.getByText('the API says so')).toBeVisible();
    await expectAccessible();
  });

  test('says which one is the latest that counts, and what is the matter with the others', async () => {
    planned('f6f0');
    openConsole('/restore?namespace=media&pvc=photos');
    expect(await screen.findByRole('option', { name: /^The latest that counts: .*4\.0 KiB$/ })).toBeInTheDocument();
    expect(screen.getByRole('option', { name: /^.* · date in the future$/ })).toBeInTheDocument();
    expect(screen.getByRole('option', { name: /holds far less, void$/ })).toBeInTheDocument();
  });

  test('says what settles the doubt that keeps it from choosing', async () => {
    server.use(http.post(at('/v1/restores'), () => HttpResponse.json(golden.backupsGone, { status: 503 })));
    openConsole('/restore?namespace=media&pvc=photos');
    expect((await notice('A backup that was there is missing')).getByText('soteria repository accept --claim media/photos')).toBeVisible();
    await expectAccessible();
  });
});

describe('a command', () => {
  test('is copied as it is', async () => {
    server.use(answers('/v1/status', golden.statusDoubts));
    const { user } = openConsole('/');
    await user.click(await screen.findByRole('button', { name: 'Copy the command: soteria repository accept --claim media/photos' }));
    expect(await screen.findByText('The command was copied.')).toBeInTheDocument();
    expect(await window.navigator.clipboard.readText()).toBe('soteria repository accept --claim media/photos');
  });

  test('says so where the browser does not copy', async () => {
    server.use(answers('/v1/status', golden.statusDoubts));
    const { user } = openConsole('/');
    const copy = await screen.findByRole('button', { name: 'Copy the command: soteria repository accept --claim media/photos' });
    vi.spyOn(window.navigator.clipboard, 'writeText').mockRejectedValue(new Error('not allowed'));
    await user.click(copy);
    expect(await screen.findByText(/Select the command/)).toBeVisible();
    await expectAccessible();
  });
});
