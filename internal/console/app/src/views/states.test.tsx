import { screen, waitFor } from '@testing-library/react';
import { HttpResponse, delay, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { answers, at, refuses, server } from '@/testing/server';

/** Every view that shows one answer: its address, the answer's path, and something that it shows. */
const VIEWS = [
  ['Overview', '/', '/v1/inventory', /11 claims, 1 fresh/],
  ['Inventory', '/inventory', '/v1/inventory', /12 claims in 5 namespaces/],
  ['Backups', '/claims/media/photos', '/v1/backups', /aaaaaaaaaaaa/],
  ['Restores', '/restores', '/v1/restores', /25 %/],
  ['Recovery plan', '/plan', '/v1/plan', /3 of 11 claims would come back/],
  ['Policies', '/policies', '/v1/policies', /At 02:00, every day, UTC/],
  ['Storage', '/storage', '/v1/b2', /200\.0 GiB/],
] as const;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

describe.each(VIEWS)('%s', (heading, path, source, shown) => {
  test('shows the answer, and axe finds no fault', async () => {
    openConsole(path);
    expect((await screen.findAllByText(shown))[0]).toBeVisible();
    expect(screen.getByRole('heading', { name: heading })).toBeInTheDocument();
    await expectAccessible();
  });

  test('says that it waits', async () => {
    server.use(http.get(at(source), () => delay('infinite')));
    openConsole(path);
    await waitFor(() => expect(screen.getAllByText(/^Asking for/).length).toBeGreaterThan(0));
    await expectAccessible();
  });

  test('shows an error in the API’s own words, and asks again', async () => {
    server.use(refuses(source, 503, 'unavailable', 'the first one is being made; ask again in some seconds'));
    const { user } = openConsole(path);
    expect((await screen.findAllByText('the first one is being made; ask again in some seconds'))[0]).toBeVisible();
    await expectAccessible();
    server.resetHandlers();
    await user.click(screen.getByRole('button', { name: 'Ask again' }));
    expect((await screen.findAllByText(shown))[0]).toBeVisible();
  });

  test('offers a sign-in to those who are signed out', async () => {
    server.use(refuses(source, 401, 'unauthenticated', 'sign in first'));
    openConsole(path);
    expect(await screen.findByText('You are signed out')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Sign in' })).toBeEnabled();
    await expectAccessible();
  });

  test('says who may not see it so', async () => {
    server.use(refuses(source, 403, 'denied', 'user ada is in none of the allowed groups'));
    openConsole(path);
    expect(await screen.findByText('You are not allowed to see this')).toBeVisible();
    expect(screen.getAllByText('user ada is in none of the allowed groups')[0]).toBeVisible();
    await expectAccessible();
  });

  test('keeps what it shows when asking again fails, and says that it is old', async () => {
    const { client } = openConsole(path);
    await screen.findAllByText(shown);
    server.use(refuses(source, 502, 'driver_failed', 'the repository is on fire'));
    await client.refetchQueries();
    expect(await screen.findByText('What is shown is old.')).toBeVisible();
    expect(screen.getByText(/asking again failed: the repository is on fire/)).toBeVisible();
    expect(screen.getAllByText(shown)[0]).toBeVisible();
    await expectAccessible();
  });
});

describe('empty', () => {
  const EMPTY = [
    ['Overview', '/', '/v1/inventory', golden.inventoryEmpty, 'This cluster has no claims, and no backups are known.'],
    ['Inventory', '/inventory', '/v1/inventory', golden.inventoryEmpty, 'This cluster has no claims, and no backups are known.'],
    ['Backups', '/claims/media/photos', '/v1/backups', { ...golden.backups, backups: [], total: 0 }, 'No backup of this claim is known.'],
    ['Restores', '/restores', '/v1/restores', { restores: [] }, 'Nothing is being restored, and nothing was.'],
    ['Recovery plan', '/plan', '/v1/plan', golden.planEmpty, 'There is nothing to plan for: this cluster has no claims.'],
    ['Policies', '/policies', '/v1/policies', { ...golden.policies, policies: [], claims: [], warnings: [] }, 'No policy backs anything up.'],
  ] as const;

  test.each(EMPTY)('%s says that there is nothing', async (_, path, source, body, words) => {
    server.use(answers(source, body));
    openConsole(path);
    expect(await screen.findByText(words)).toBeVisible();
    await expectAccessible();
  });

  test('Storage says in the API’s words how to have the bucket scanned', async () => {
    server.use(answers('/v1/b2', golden.bucketDisabled, 404));
    openConsole('/storage');
    expect(await screen.findByText('No bucket is scanned')).toBeVisible();
    expect(screen.getByText(golden.bucketDisabled.error)).toBeVisible();
  });
});

describe('old facts', () => {
  test.each(['/', '/inventory', '/plan'])('are said to be old at %s', async (path) => {
    vi.setSystemTime(new Date('2026-04-12T17:30:00Z'));
    openConsole(path);
    expect(await screen.findByText('These facts are old.')).toBeVisible();
    expect(screen.getByText('The restic repository was not listed lately')).toBeVisible();
  });

  test('are named with the repository that cannot be listed', async () => {
    server.use(answers('/v1/inventory', golden.inventoryLookupFailed));
    openConsole('/');
    expect(await screen.findByText('The restic repository cannot be listed')).toBeVisible();
    expect(screen.getByRole('heading', { name: /Could not tell/ })).toBeVisible();
  });

  test('of the bucket are named with why the last scan failed', async () => {
    server.use(answers('/v1/b2', golden.bucketStale));
    openConsole('/storage');
    expect(await screen.findByText(golden.bucketStale.error)).toBeVisible();
    expect(screen.getAllByText('not told by this store')).toHaveLength(3);
  });
});

describe('who may not use the API', () => {
  test.each(['/', '/restore?namespace=media&pvc=photos', '/claims/media/photos'])('is told so in the place of the view at %s', async (path) => {
    server.use(http.all(at('/v1/*'), () => HttpResponse.json({ error: 'sign in first', code: 'unauthenticated' }, { status: 401 })));
    openConsole(path);
    expect(await screen.findByRole('heading', { name: 'Soteria' })).toBeVisible();
    expect(screen.getByRole('alert')).toHaveTextContent('You are signed out');
    await expectAccessible();
  });

  test('any more is told so above the view, whose form keeps what was typed', async () => {
    server.use(http.post(at('/v1/restores'), () => HttpResponse.json(golden.restoreDryRun)));
    const { user, client } = openConsole('/restore?namespace=media&pvc=photos');
    await user.type(await screen.findByRole('textbox', { name: 'Name of the new claim' }), 'mine');
    await screen.findByText('alice');
    server.use(refuses('/v1/whoami', 401, 'unauthenticated', 'the sign-in has ended'));
    await client.refetchQueries({ queryKey: ['whoami'] });
    expect(await screen.findByText('the sign-in has ended')).toBeVisible();
    expect(screen.getByRole('textbox', { name: 'Name of the new claim' })).toHaveValue('mine');
  });
});

test('a proxy that wants a sign-in is not taken for an answer', async () => {
  server.use(http.get(at('/v1/plan'), () => HttpResponse.html('<html>Sign in</html>')));
  openConsole('/plan');
  expect(await screen.findByText('What came back is not an answer of Soteria’s API.')).toBeVisible();
});

test('an address that no view has says so', async () => {
  openConsole('/nowhere');
  expect(await screen.findByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  await expectAccessible();
});
