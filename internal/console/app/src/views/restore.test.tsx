import { fireEvent, screen, waitFor } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { posts } from '@/testing/posts';
import { answers, at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

const UNMET = { error: 'no backup of media/photos was taken by 2026-03-01T10:00:00Z', title: 'No backup is that old', code: 'not_found', reason: 'choice_unmet', field: 'as_of' };
const restoreButton = () => screen.findByRole('button', { name: /^Restore( |$)/ });

describe('a choice that cannot be met', () => {
  test('of a claim’s backup as of a time starts nothing, and says why', async () => {
    const sent = posts('/v1/restores', ({ as_of }) => (as_of ? { status: 404, body: UNMET } : { status: 200, body: golden.restoreDryRun }));
    const { user } = openConsole('/restore?namespace=media&pvc=photos');
    const button = await restoreButton();
    await waitFor(() => expect(button).toBeEnabled());
    await user.selectOptions(screen.getByRole('combobox', { name: 'Backup' }), 'as-of');
    expect(button).toBeDisabled();
    expect((await screen.findAllByText(/^Say as of which time/))[0]).toBeVisible();
    expect(button).toHaveAccessibleDescription(/cannot be met/);
    fireEvent.change(screen.getByLabelText('As of'), { target: { value: '2026-03-01T11:00' } });
    expect(await screen.findByText('No backup is that old')).toBeVisible();
    expect(screen.getByLabelText('As of')).toHaveAccessibleDescription(new RegExp(UNMET.error));
    expect(button).toBeDisabled();
    await expectAccessible();
    expect(sent.at(-1)).toMatchObject({ as_of: '2026-03-01T10:00:00Z', dry_run: true });
    expect(sent.at(-1)).not.toHaveProperty('snapshot');
    expect(sent.every(({ dry_run }) => dry_run === true)).toBe(true);
  });

  test('is not taken for met where the server chose a later backup', async () => {
    posts('/v1/restores', () => ({ status: 200, body: { ...golden.restoreDryRun, taken_at: '2026-03-02T12:00:00Z' } }));
    openConsole('/restore?namespace=media&pvc=photos&asOf=2026-03-01T12:00:00Z');
    expect((await screen.findAllByText(/later than the time that is wished for/))[0]).toBeVisible();
    expect(await restoreButton()).toBeDisabled();
  });

  test('is met by the backup of the plan, which is what is restored', async () => {
    const sent = posts('/v1/restores', ({ dry_run }) => (dry_run ? { status: 200, body: { ...golden.restoreDryRun, taken_at: '2026-03-01T11:00:00Z' } } : { status: 202, body: golden.restoreStarted }));
    const { user } = openConsole('/restore?namespace=media&pvc=photos&asOf=2026-03-01T12:00:00Z');
    const button = await restoreButton();
    await waitFor(() => expect(button).toBeEnabled());
    expect(screen.getByLabelText('As of')).toHaveAccessibleDescription('The newest by then is of 1 Mar 2026, 12:00.');
    await user.click(button);
    await screen.findByRole('heading', { name: 'The restore was started' });
    expect(sent.at(-1)).toMatchObject({ as_of: '2026-03-01T12:00:00Z', snapshot: golden.restoreDryRun.backup });
  });

  test('of a namespace’s backups starts nothing', async () => {
    posts('/v1/restores/namespace', () => ({ status: 404, body: { ...UNMET, error: 'no claim of media has a backup that old' } }));
    openConsole('/restore?of=namespace&namespace=media&asOf=2026-03-01T10:00:00Z');
    expect((await screen.findAllByText('no claim of media has a backup that old'))[0]).toBeVisible();
    expect(await restoreButton()).toBeDisabled();
    await expectAccessible();
  });

  test('of some claims restores the others alone, as the button says', async () => {
    const results = [
      { pvc: 'books', target_pvc: 'books', result: 'refused', impossible: true, error: 'no backup is that old' },
      { pvc: 'photos', target_pvc: 'photos', result: 'would_start', driver: 'restic', backup: 'aaaa', taken_at: '2026-03-01T09:00:00Z' },
    ];
    const sent = posts('/v1/restores/namespace', ({ dry_run }) => (dry_run ? { status: 200, body: { ...golden.namespaceRestoreDryRun, results } } : { status: 202, body: golden.namespaceRestore }));
    const { user } = openConsole('/restore?of=namespace&namespace=media&asOf=2026-03-01T10:00:00Z');
    const button = await screen.findByRole('button', { name: 'Restore 1 of 2 claims' });
    await waitFor(() => expect(button).toBeEnabled());
    await user.click(button);
    await screen.findByRole('heading', { name: '2 restores were started' });
    expect(sent.at(-1)).toMatchObject({ as_of: '2026-03-01T10:00:00Z', claims: [{ pvc: 'photos', target_pvc: 'photos', snapshot: 'aaaa' }] });
  });
});

describe('a namespace that is gone', () => {
  const lost = { ...golden.namespaceRestoreDryRun, namespace: 'attic', target_namespace: 'attic', warnings: [], target_missing: true, make_target: 'kubectl create namespace attic' };
  const results = [{ pvc: 'wiki', target_pvc: 'wiki', result: 'would_start', driver: 'restic', backup: 'aaaa', taken_at: '2026-03-01T09:00:00Z', orphan: true }];

  test('has what exists only as backups ticked, says how to make it, and offers to', async () => {
    const sent = posts('/v1/restores/namespace', () => ({ status: 200, body: { ...lost, results } }));
    const { user, router } = openConsole('/restore?of=namespace&namespace=attic');
    expect(await screen.findByText('Namespace attic does not exist')).toBeVisible();
    expect(screen.getByRole('checkbox', { name: /^Also claims that exist only as backups/ })).toBeChecked();
    expect(screen.getByText('kubectl create namespace attic')).toBeVisible();
    const button = await screen.findByRole('button', { name: 'Restore 1 claim' });
    expect(button).toBeDisabled();
    expect(button).toHaveAccessibleDescription(/target namespace does not exist/);
    await expectAccessible();
    await user.click(screen.getByRole('checkbox', { name: /^Have Soteria make the namespace/ }));
    await waitFor(() => expect(screen.getByRole('button', { name: 'Restore 1 claim' })).toBeEnabled());
    expect(router.state.location.search).toMatchObject({ make: true });
    expect(sent.at(-1)).toMatchObject({ include_orphans: true, create_namespace: true, dry_run: true });
  });

  test('offers not to make what Kubernetes would not let Soteria make, and says why', async () => {
    posts('/v1/restores/namespace', () => ({ status: 200, body: { ...lost, results, make_refused: { error: 'namespace attic is forbidden by a quota', title: 'Kubernetes refuses this' } } }));
    openConsole('/restore?of=namespace&namespace=attic&make=true');
    const make = await screen.findByRole('checkbox', { name: /^Have Soteria make the namespace/ });
    expect(make).toBeDisabled();
    expect(make).not.toBeChecked();
    expect(make).toHaveAccessibleDescription(/namespace attic is forbidden by a quota/);
    expect(screen.getByRole('button', { name: 'Restore 1 claim' })).toBeDisabled();
  });

  test('is looked for again once it was made by hand', async () => {
    let made = false;
    posts('/v1/restores/namespace', () => ({ status: 200, body: { ...lost, results, target_missing: !made } }));
    const { user } = openConsole('/restore?of=namespace&namespace=attic');
    const again = await screen.findByRole('button', { name: 'Look again' });
    made = true;
    await user.click(again);
    await waitFor(() => expect(screen.getByRole('button', { name: 'Restore 1 claim' })).toBeEnabled());
  });

  test('says which claims a plan leaves out, and takes them in', async () => {
    posts('/v1/restores/namespace', ({ include_orphans }) => ({ status: 200, body: { ...golden.namespaceRestoreDryRun, warnings: [], ...(!include_orphans && { orphans: ['wiki'] }) } }));
    const { user } = openConsole('/restore?of=namespace&namespace=media');
    await user.click(await screen.findByRole('button', { name: 'Restore them, too' }));
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Restore them, too' })).not.toBeInTheDocument());
    expect(screen.getByRole('checkbox', { name: /^Also claims that exist only as backups/ })).toBeChecked();
  });
});

test('a claim that is to be looked at only is restored as a copy, which goes by itself where that is asked for', async () => {
  const copy = { ...golden.restoreDryRun, target_pvc: 'photos-restored', copy: true };
  const sent = posts('/v1/restores', ({ dry_run, expires }) => (dry_run ? { status: 200, body: { ...copy, ...(expires === '7d' && { expires_at: '2026-04-19T15:31:00Z' }) } } : { status: 202, body: golden.restoreStarted }));
  const { user, router } = openConsole('/restore?namespace=media&pvc=photos');
  const button = await restoreButton();
  await waitFor(() => expect(button).toBeEnabled());
  expect(screen.queryByLabelText('Remove it by itself after')).not.toBeInTheDocument();
  expect(sent.at(-1)).not.toHaveProperty('copy');
  await user.click(screen.getByRole('checkbox', { name: /^To look at only/ }));
  await waitFor(() => expect(sent.at(-1)).toMatchObject({ copy: true, dry_run: true }));
  expect(sent.at(-1)).not.toHaveProperty('expires');
  expect(await screen.findByText('until it is removed')).toBeVisible();
  await user.selectOptions(screen.getByLabelText('Remove it by itself after'), 'Seven days');
  expect(await screen.findByText(/^removed by itself/)).toHaveTextContent('removed by itself in 7 days');
  expect(router.state.location.search).toMatchObject({ look: true, expires: '7d' });
  await waitFor(() => expect(button).toBeEnabled());
  await expectAccessible();
  await user.click(button);
  await screen.findByRole('heading', { name: 'The restore was started' });
  expect(sent.at(-1)).toMatchObject({ target_pvc: 'photos-restored', snapshot: golden.restoreDryRun.backup, copy: true, expires: '7d' });
  expect(screen.getByText(/^It is a copy to look at/)).toBeVisible();
});

test('a clock that is wrong is told, and ages are reckoned by Soteria’s', async () => {
  server.use(http.get(at('/v1/inventory'), () => HttpResponse.json({ ...golden.inventory, generated_at: '2026-04-12T15:37:00Z' }, { headers: { Date: 'Sun, 12 Apr 2026 15:38:00 GMT' } })));
  openConsole('/inventory');
  expect(await screen.findByText('This computer’s clock is 7 min behind Soteria’s')).toBeVisible();
  expect(await screen.findByText('1 minute ago')).toBeVisible();
  await expectAccessible();
});

describe('names that are taken', () => {
  test('are not offered for a claim', async () => {
    const [namespace] = golden.inventory.namespaces.filter(({ name }) => name === 'media');
    const pvcs = ['photos', 'photos-restored'].map((pvc) => ({ ...namespace?.pvcs[0], namespace: 'media', pvc }));
    server.use(answers('/v1/inventory', { ...golden.inventory, namespaces: [{ name: 'media', pvcs }] }));
    const sent = posts('/v1/restores', () => ({ status: 200, body: golden.restoreDryRun }));
    openConsole('/restore?namespace=media&pvc=photos');
    await waitFor(() => expect(sent.at(-1)).toMatchObject({ target_pvc: 'photos-restored-2' }));
  });

  test('are counted up where the inventory does not know yet that they are', async () => {
    const taken = ['photos-restored', 'photos-restored-2'];
    const sent = posts('/v1/restores', ({ target_pvc, dry_run }) => {
      if (taken.includes(String(target_pvc))) return { status: 409, body: { ...golden.restoreConflict, reason: 'target_exists' } };
      return dry_run ? { status: 200, body: { ...golden.restoreDryRun, target_pvc } } : { status: 202, body: { ...golden.restoreStarted, target_pvc } };
    });
    const { user } = openConsole('/restore?namespace=media&pvc=photos');
    const button = await restoreButton();
    await waitFor(() => expect(button).toBeEnabled());
    expect(screen.getByLabelText('Name of the new claim')).toHaveAccessibleDescription(/^Empty: photos-restored-3, /);
    await user.click(button);
    await screen.findByRole('heading', { name: 'The restore was started' });
    expect(sent.at(-1)).toMatchObject({ target_pvc: 'photos-restored-3' });
    expect(sent.at(-1)).not.toHaveProperty('dry_run');
  });

  test('are refused where a person chose them, in the words of the form', async () => {
    const sent = posts('/v1/restores', () => ({ status: 409, body: { ...golden.restoreConflict, reason: 'target_exists', error: 'claim media/mine exists: choose another target_pvc, or delete that claim first' } }));
    openConsole('/restore?namespace=media&pvc=photos&as=mine');
    expect((await screen.findAllByText('claim media/mine exists: choose another “Name of the new claim”, or delete that claim first'))[0]).toBeVisible();
    expect(sent).toHaveLength(1);
  });

  test('of a namespace get a prefix by themselves, which is free', async () => {
    const [media] = golden.inventory.namespaces.filter(({ name }) => name === 'media');
    const pvcs = ['photos', 'restored-photos'].map((pvc) => ({ ...media?.pvcs[0], namespace: 'media', pvc }));
    server.use(answers('/v1/inventory', { ...golden.inventory, namespaces: [{ name: 'media', pvcs }] }));
    const sent = posts('/v1/restores/namespace', () => ({ status: 200, body: golden.namespaceRestoreDryRun }));
    openConsole('/restore?of=namespace&namespace=media');
    await waitFor(() => expect(sent.at(-1)).toMatchObject({ target_prefix: 'restored-2-' }));
    expect(screen.getByLabelText('Prefix of the new names')).toHaveAccessibleDescription('Empty: restored-2-, since claims of these names exist.');
  });

  test('of a namespace that a person chose are replaced by free ones at one click', async () => {
    const results = golden.namespaceRestoreConflict.results.map((each) => ({ ...each, ...(each.error && { error: 'claim media/old-photos exists: choose another target_pvc' }) }));
    posts('/v1/restores/namespace', ({ target_prefix }) =>
      target_prefix === 'restored-' ? { status: 200, body: golden.namespaceRestoreDryRun } : { status: 409, body: { ...golden.namespaceRestoreConflict, target_namespace: 'media', results } },
    );
    const { user, router } = openConsole('/restore?of=namespace&namespace=media&prefix=old-');
    await user.click(await screen.findByRole('button', { name: 'Use the prefix restored-' }));
    expect(screen.queryByText(/target_pvc/)).not.toBeInTheDocument();
    await waitFor(() => expect(router.state.location.search).toMatchObject({ prefix: 'restored-' }));
    await waitFor(() => expect(screen.getByRole('button', { name: /^Restore/ })).toBeEnabled());
  });
});

test('a storage class that does not exist is named in the field that names another', async () => {
  posts('/v1/restores', () => ({ status: 404, body: { code: 'not_found', reason: 'storage_class_missing', title: 'The storage class does not exist', field: 'storage_class', error: 'storage class "gold" does not exist; name another in storage_class' } }));
  openConsole('/restore?namespace=media&pvc=photos');
  expect((await screen.findAllByText('storage class "gold" does not exist; name another in “Storage class”'))[0]).toBeVisible();
  expect(screen.getByLabelText('Storage class')).toBeVisible();
});

test.each([
  [{ code: 'denied', title: 'Soteria is not set up for this', reason: 'setting', error: 'SOTERIA_CROSS_NAMESPACE is not true' }, 403, 'Soteria is not set up for this'],
  [{ code: 'not_found', title: 'The target namespace does not exist', field: 'target_namespace', error: 'namespace lab does not exist' }, 404, 'The target namespace does not exist'],
  [{ message: 'no healthy upstream' }, 403, 'The answer did not come from Soteria'],
  [{ code: 'unavailable', error: 'it timed out' }, 503, 'It could not be told what would be restored'],
])('a headline names the cause, not another one: %j', async (body, status, title) => {
  posts('/v1/restores', () => ({ status, body }));
  openConsole('/restore?namespace=media&pvc=photos');
  expect(await screen.findByText(title)).toBeVisible();
});
