// A made-up Soteria: `node dev/mock.mjs [port] [claims]` answers as the API does, for a cluster that is made up in world.mjs,
// and does what it is asked for. It prints its address once it listens. MOCK_GROUP=<group> has it ask for a sign-in and let
// that group in; MOCK_MODE and MOCK_GATE are the restore mode and the state of the gate that it tells of.
// MOCK_AHEAD is how many seconds its clock is ahead.
// MOCK_DOUBTS=1 has it be in every doubt that the console can show.
// POST /mend has the claims that are held get their data back.
import { createServer } from 'node:http';
import { Doings } from './doings.mjs';
import { inDoubt } from './doubts.mjs';
import { planOf, policiesOf, world } from './world.mjs';

const port = Number(process.argv[2] ?? 8090);
const inventory = world(Number(process.argv[3] ?? 2000));
const doings = new Doings(inventory, policiesOf(inventory));
const { started } = doings;
const group = process.env.MOCK_GROUP;
const AHEAD = Number(process.env.MOCK_AHEAD ?? 0) * 1000;

const fail = (status, code, error) => ({ status, body: { error, code } });

const GB = 1024 ** 3;
const history = Array.from({ length: 120 }, (_, i) => ({ scanned_at: new Date(started - 3e6 - (119 - i) * 864e5).toISOString(), bytes: Math.round((140 + i / 2 + (i % 30 < 20 ? 0 : (i % 30) / 10)) * GB), objects: 30_000 + i * 95 }));
const { bytes, objects } = history.at(-1);
const bucket = { enabled: true, bucket: 'backups', endpoint: 's3.us-west-004.backblazeb2.com', prefix: 'home/', objects, bytes, versions: 41900, noncurrent_bytes: GB, delete_markers: 17, history, largest_prefixes: [{ prefix: 'home/restic/data/', objects: 12800, bytes: 190 * GB }, { prefix: 'home/backupstore/volumes/1a/2b/pvc-1234abcd/', objects: 28450, bytes: 10 * GB }], scanned_at: new Date(started - 3e6).toISOString(), scan_seconds: 74.5, monthly_cost_estimate: 1.2885, currency: 'USD', error: '', stale: false };

const ago = (ms) => new Date(Date.now() - ms).toISOString();
const fresh = (report) => ({ ...report, generated_at: ago(40_000), listings: report.listings.map((listing) => ({ ...listing, listed_at: ago(90_000) })) });
const gate = process.env.MOCK_GATE ? { state: process.env.MOCK_GATE, message: 'Protected claims may start empty. Apply deploy/webhook.yaml again' } : { state: 'closed' };

const GETS = {
  '/v1/inventory': () => fresh(inventory),
  '/v1/plan': () => planOf(fresh(inventory)),
  '/v1/policies': () => ({ ...doings.policies, generated_at: ago(20_000) }),
  '/v1/b2': () => bucket,
  '/v1/status': () => ({ generated_at: ago(0), version: 'v0.0.0-mock', restore_mode: process.env.MOCK_MODE ?? 'auto', gate, sign_in_required: Boolean(group), listings: fresh(inventory).listings, report_max_age_seconds: 360, listing_max_age_seconds: 360 }),
  '/v1/events': (of) => {
    const events = doings.events(of);
    return { namespace: of.namespace, pvc: of.pvc ?? '', total: events.length, events };
  },
  '/v1/whoami': (_, user) => ({ user, email: `${user}@example.com`, groups: [group ?? 'admin'], authenticated: true, how: 'proxy_headers' }),
  '/v1/restore-tests': (of) => {
    const [newest] = doings.backups(of);
    const size = { files: 12, bytes: 4096 };
    return { tests: newest ? [{ driver: 'restic', job_name: 'test-1', ...of, backup: newest.id, phase: 'Passed', message: '', restored: size, expected: size, requested_by: 'ada', created_at: ago(9e6), started_at: null }] : [] };
  },
  '/v1/batches': () => doings.batches.list(),
  '/v1/copies': (of) => doings.copies.list(of),
  '/v1/restores': (of) => ({ restores: doings.restores(of) }),
  '/v1/backups': ({ limit, ...of }) => {
    const all = doings.backups(of);
    return { ...of, volume: '', total: all.length, backups: all.slice(0, Number(limit ?? all.length)) };
  },
};

const POSTS = {
  '/v1/backup': (body) => doings.backUp(body),
  '/v1/backup/namespace': (body, async) => doings.backUpNamespace(body, async),
  '/v1/restores': (body) => doings.restore(body),
  '/v1/restores/namespace': (body, async) => doings.restoreNamespace(body, async),
  '/v1/restore-test': ({ namespace, pvc, snapshot }) => ({ status: 202, body: { driver: 'restic', job_name: 'test-2', job_namespace: 'soteria-system', namespace, pvc, backup: snapshot, taken_at: ago(0), room_bytes: 1, requested_by: 'ada', dry_run: false } }),
  '/v1/policies': (body) => doings.keepPolicy(body),
  '/mend': () => doings.mend(),
};

if (process.env.MOCK_DOUBTS) inDoubt(GETS, POSTS);

/** Who asks, as a proxy in front says; or why they get no answer. */
function caller({ 'x-auth-request-user': user, 'x-auth-request-groups': groups = '' }) {
  if (!group) return { user: 'ada' };
  if (!user) return { refusal: fail(401, 'unauthenticated', 'sign in first') };
  return groups.split(',').includes(group) ? { user } : { refusal: fail(403, 'denied', `user ${user} is in none of the allowed groups (${group})`) };
}

async function answer(request, url) {
  const { user, refusal } = caller(request.headers);
  if (refusal) return refusal;
  const { method } = request;
  if (method === 'GET' && GETS[url.pathname]) return { status: 200, body: GETS[url.pathname](Object.fromEntries(url.searchParams), user) };
  if (method === 'POST' && POSTS[url.pathname]) {
    let text = '';
    for await (const chunk of request) text += chunk;
    return POSTS[url.pathname](JSON.parse(text || '{}'), request.headers.prefer === 'respond-async');
  }
  if (method === 'GET' && url.pathname.startsWith('/v1/batches/')) return doings.batches.find(url.pathname.split('/').at(-1));
  if (method === 'DELETE' && url.pathname.startsWith('/v1/copies/')) {
    const [namespace, pvc] = url.pathname.split('/').slice(-2);
    return doings.copies.remove({ namespace, pvc }, url.searchParams.get('while_used') === 'true');
  }
  if (method === 'DELETE') return doings.deletePolicy(url.pathname.split('/').at(-1));
  return fail(404, 'not_found', 'there is nothing at this path');
}

const server = createServer(async (request, response) => {
  const { status, body, location } = await answer(request, new URL(request.url, 'http://mock'));
  response.writeHead(status, { 'Content-Type': 'application/json', ...(location && { Location: location }), Date: new Date(Date.now() + AHEAD).toUTCString() });
  response.end(JSON.stringify(body));
});
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
