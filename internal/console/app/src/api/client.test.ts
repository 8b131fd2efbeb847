import { HttpResponse, http } from 'msw';
import { describe, expect, test, vi } from 'vitest';
import { golden } from '@/testing/golden';
import { posts } from '@/testing/posts';
import { answers, at, server } from '@/testing/server';
import { backUp, planNamespaceRestore, restoreNamespace, testRestore } from './actions';
import { answer, api } from './client';
import { backupsQuery, eventsQuery, newQueryClient, restoreTestsQuery, restoresQuery } from './queries';
import type { ApiError } from './errors';

const whoami = () => answer(api.GET('/v1/whoami'));
const failure = async (call: Promise<unknown>) => (await call.then(() => null, (cause: unknown) => cause)) as ApiError;

describe('an error', () => {
  test('is in the API’s own words, with its code and field', async () => {
    server.use(answers('/v1/whoami', golden.policyInvalid, 400));
    expect(await failure(whoami())).toMatchObject({ status: 400, code: 'invalid', field: 'schedule', message: golden.policyInvalid.error });
  });

  test('of 401 means signed out, of 403 not allowed; neither passes by itself', async () => {
    server.use(answers('/v1/whoami', { error: 'sign in', code: 'unauthenticated' }, 401));
    expect(await failure(whoami())).toMatchObject({ signedOut: true, notAllowed: false, passing: false });
    server.use(answers('/v1/whoami', { error: 'no', code: 'denied' }, 403));
    expect(await failure(whoami())).toMatchObject({ signedOut: false, notAllowed: true, passing: false });
  });

  test('of 503 may pass', async () => {
    server.use(answers('/v1/whoami', golden.unavailable, 503));
    expect(await failure(whoami())).toMatchObject({ passing: true, message: golden.unavailable.error });
  });

  test('of a proxy, which is no JSON, still says what it was', async () => {
    server.use(http.get(at('/v1/whoami'), () => new HttpResponse('<html>Bad gateway</html>', { status: 502 })));
    expect(await failure(whoami())).toMatchObject({ status: 502, code: 'http_502', message: 'The answer was 502, without a reason.' });
  });

  test('is a page in the place of an answer', async () => {
    server.use(http.get(at('/v1/whoami'), () => HttpResponse.html('<html>Sign in</html>')));
    expect(await failure(whoami())).toMatchObject({ status: 0, code: 'unreadable' });
  });

  test('is a server that cannot be reached', async () => {
    server.use(http.get(at('/v1/whoami'), () => HttpResponse.error()));
    expect(await failure(whoami())).toMatchObject({ status: 0, code: 'unreachable', passing: true });
  });
});

describe('an answer about a batch', () => {
  test('tells what became of each claim also where nothing was started', async () => {
    server.use(http.post(at('/v1/restores/namespace'), () => HttpResponse.json(golden.namespaceRestoreConflict, { status: 409 })));
    const outcome = await planNamespaceRestore({ namespace: 'media' });
    expect(outcome.results.map(({ result }) => result)).toEqual(['not_started', 'refused']);
    expect(outcome.error).toBe(golden.namespaceRestoreConflict.error);
  });

  test('that is an error of the whole request is an error', async () => {
    server.use(http.post(at('/v1/restores/namespace'), () => HttpResponse.json({ error: 'no', code: 'denied' }, { status: 403 })));
    expect(await failure(planNamespaceRestore({ namespace: 'media' }))).toMatchObject({ notAllowed: true });
  });
});

describe('work on many claims', () => {
  const batch = { id: 'b1', kind: 'restore', state: 'starting', namespace: 'media', requested_by: 'ada', created_at: '2026-04-12T15:30:00Z', started_all_at: null, counts: { members: 1, waiting: 1, refused: 0, started: 0, done: 0, gone: 0 }, members: [] };

  test('is asked to go on in the server, and is a batch there', async () => {
    const preferred: (string | null)[] = [];
    server.use(
      http.post(at('/v1/restores/namespace'), ({ request }) => {
        preferred.push(request.headers.get('Prefer'));
        return HttpResponse.json(batch, { status: 202, headers: { Location: '/v1/batches/b1' } });
      }),
    );
    expect(await restoreNamespace({ namespace: 'media' })).toEqual({ batch });
    expect(preferred).toEqual(['respond-async']);
  });

  test('has its results at once where the server does not do that, also where nothing was started', async () => {
    server.use(http.post(at('/v1/restores/namespace'), () => HttpResponse.json(golden.namespaceRestoreConflict, { status: 409 })));
    expect(await restoreNamespace({ namespace: 'media' })).toEqual({ outcome: golden.namespaceRestoreConflict });
  });

  test('that is refused as a whole is an error, with its headline', async () => {
    server.use(http.post(at('/v1/restores/namespace'), () => HttpResponse.json({ error: 'no', title: 'A setting forbids it', code: 'denied', reason: 'setting' }, { status: 403 })));
    expect(await failure(restoreNamespace({ namespace: 'media' }))).toMatchObject({ notAllowed: false, title: 'A setting forbids it', reason: 'setting' });
  });
});

describe('a claim of which more is known than its name', () => {
  const [claim] = golden.inventory.namespaces.flatMap(({ pvcs }) => pvcs);
  if (!claim) throw new Error('the golden inventory is empty');
  const name = { namespace: claim.namespace, pvc: claim.pvc };

  test('is asked about by its name alone', async () => {
    const asked: object[] = [];
    const client = newQueryClient();
    server.events.on('request:start', ({ request }) => asked.push(Object.fromEntries(new URL(request.url).searchParams)));
    await client.query(restoresQuery(claim));
    await client.query(backupsQuery(claim, 5));
    await client.query(eventsQuery(claim, 5));
    await client.query(restoreTestsQuery(claim));
    expect(asked).toEqual([name, { ...name, limit: '5' }, { ...name, limit: '5' }, name]);
  });

  test('is backed up and tested by its name alone', async () => {
    const backups = posts('/v1/backup', () => ({ status: 202, body: {} }));
    const tests = posts('/v1/restore-test', () => ({ status: 202, body: {} }));
    await backUp(claim);
    await testRestore(claim, 'aaaa');
    expect([...backups, ...tests]).toEqual([name, { ...name, snapshot: 'aaaa' }]);
  });
});

test.each([
  ['arrives though its page is left', 10, true],
  ['that a browser would not send then is sent as any other', 1000, false],
])('a request %s', async (_, claims, kept) => {
  const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(HttpResponse.json(golden.namespaceRestore, { status: 202 })));
  await restoreNamespace({ namespace: 'media', claims: Array.from({ length: claims }, (_each, i) => ({ pvc: `claim-${i}`, snapshot: 'a'.repeat(64) })) });
  expect((fetched.mock.calls[0]?.[0] as Request).keepalive).toBe(kept);
});
