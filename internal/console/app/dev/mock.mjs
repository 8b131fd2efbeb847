// A made-up Soteria for development: `node dev/mock.mjs [port] [claims]`. It serves the API's answers of dev/world.mjs, and
// dist with the Content-Security-Policy that the real one has. MOCK_STATUS=401 has the API answer with that error.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { backupsOf, planOf, policiesOf, restoresAt, world } from './world.mjs';

const port = Number(process.argv[2] ?? 8090);
const inventory = world(Number(process.argv[3] ?? 2000));
const policies = policiesOf(inventory);
const started = Date.now();
const extra = [];
const dist = join(import.meta.dirname, '..', 'dist');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const fail = (status, code, error, field) => ({ status, body: { error, code, ...(field && { field }) } });
const find = ({ namespace, pvc }) => inventory.namespaces.find(({ name }) => name === namespace)?.pvcs.find((c) => c.pvc === pvc);

function planRestore(body) {
  if (!find(body) && body.namespace !== 'attic') return fail(404, 'not_found', `no backup of ${body.namespace}/${body.pvc} exists`, 'pvc');
  if (find({ namespace: body.target_namespace, pvc: body.target_pvc })) return fail(409, 'conflict', `claim ${body.target_namespace}/${body.target_pvc} exists`, 'target_pvc');
  const [newest] = backupsOf(body.namespace, body.pvc);
  const chosen = backupsOf(body.namespace, body.pvc).find(({ id }) => id === body.snapshot) ?? newest;
  return {
    status: body.dry_run ? 200 : 202,
    body: { ...(!body.dry_run && { restore: 'soteria-abc' }), namespace: body.namespace, pvc: body.pvc, target_namespace: body.target_namespace, target_pvc: body.target_pvc, driver: chosen.driver, backup: chosen.id, taken_at: chosen.taken_at, size: '10Gi', storage_class: 'longhorn', volume_mode: 'Filesystem', requested_by: 'ada', dry_run: Boolean(body.dry_run) },
  };
}

function planNamespace(body) {
  const claims = [...(inventory.namespaces.find(({ name }) => name === body.namespace)?.pvcs ?? []), ...(body.include_orphans ? inventory.orphans.filter((o) => o.namespace === body.namespace) : [])];
  const results = claims.map(({ pvc }) => {
    const target_pvc = `${body.target_prefix}${pvc}`;
    if (find({ namespace: body.target_namespace, pvc: target_pvc })) return { pvc, target_pvc, result: 'refused', error: `claim ${body.target_namespace}/${target_pvc} exists`, code: 'conflict', field: 'target_pvc' };
    return { pvc, target_pvc, result: body.dry_run ? 'would_start' : 'started', driver: 'restic', backup: 'aaaaaaaaaaaa', ...(!body.dry_run && { restore: 'soteria-abc' }) };
  });
  const refused = results.filter(({ result }) => result === 'refused').length;
  const answer = { namespace: body.namespace, target_namespace: body.target_namespace, status: refused ? 'none' : 'all', requested_by: 'ada', dry_run: Boolean(body.dry_run), results };
  if (refused > 0) return { status: 409, body: { ...answer, results: results.map((r) => (r.result === 'refused' ? r : { ...r, result: 'not_started' })), error: `nothing was started: ${refused} of ${results.length} claims cannot be restored as asked; see results`, code: 'conflict' } };
  return { status: body.dry_run ? 200 : 202, body: answer };
}

const GB = 1024 ** 3;
const history = Array.from({ length: 120 }, (_, i) => ({ scanned_at: new Date(started - 3e6 - (119 - i) * 864e5).toISOString(), bytes: Math.round((140 + i / 2 + (i % 30 < 20 ? 0 : (i % 30) / 10)) * GB), objects: 30_000 + i * 95 }));
const { bytes, objects } = history.at(-1);
const bucket = { enabled: true, bucket: 'backups', endpoint: 's3.us-west-004.backblazeb2.com', prefix: 'home/', objects, bytes, versions: 41900, noncurrent_bytes: GB, delete_markers: 17, history, largest_prefixes: [{ prefix: 'home/restic/data/', objects: 12800, bytes: 190 * GB }, { prefix: 'home/backupstore/volumes/1a/2b/pvc-1234abcd/', objects: 28450, bytes: 10 * GB }], scanned_at: new Date(started - 3e6).toISOString(), scan_seconds: 74.5, monthly_cost_estimate: 1.2885, currency: 'USD', error: '', stale: false };

const ago = (ms) => new Date(Date.now() - ms).toISOString();
const fresh = (report) => ({ ...report, generated_at: ago(40_000), listings: report.listings.map((listing) => ({ ...listing, listed_at: ago(90_000) })) });

const GETS = {
  '/v1/inventory': () => fresh(inventory),
  '/v1/plan': () => planOf(fresh(inventory)),
  '/v1/policies': () => policies,
  '/v1/b2': () => bucket,
  '/v1/status': () => ({ generated_at: new Date().toISOString(), version: 'v0.0.0-mock', restore_mode: process.env.MOCK_MODE ?? 'auto', gate: process.env.MOCK_GATE ? { state: process.env.MOCK_GATE, message: 'Protected claims may start empty. Apply deploy/webhook.yaml again' } : { state: 'closed' }, sign_in_required: false, listings: inventory.listings }),
  '/v1/events': (q) => ({ namespace: q.get('namespace'), pvc: q.get('pvc'), total: 1, events: [{ first_at: new Date(started - 9e5).toISOString(), last_at: new Date(started - 6e5).toISOString(), count: 3, type: 'Warning', reason: 'BackupsUnknown', message: 'The claim waits and is not started empty: connection refused', source: 'soteria', object: { kind: 'PersistentVolumeClaim', namespace: q.get('namespace'), name: q.get('pvc') } }] }),
  '/v1/whoami': () => ({ user: 'ada', email: 'ada@example.com', groups: ['admin'], authenticated: true, how: 'proxy_headers' }),
  '/v1/restore-tests': () => ({ tests: [{ driver: 'restic', job_name: 'test-1', namespace: 'x', pvc: 'y', backup: 'aaaaaaaaaaaa', phase: 'Passed', message: '', restored: { files: 12, bytes: 4096 }, expected: { files: 12, bytes: 4096 }, requested_by: 'ada', created_at: new Date(started - 9e6).toISOString(), started_at: null }] }),
  '/v1/restores': (q) => ({ restores: restoresAt(Date.now(), started).filter((r) => (!q.get('namespace') || r.namespace === q.get('namespace')) && (!q.get('pvc') || r.pvc === q.get('pvc'))) }),
  '/v1/backups': (q) => {
    const all = [...extra.filter((b) => b.of === `${q.get('namespace')}/${q.get('pvc')}`), ...backupsOf(q.get('namespace'), q.get('pvc'), started)];
    return { namespace: q.get('namespace'), pvc: q.get('pvc'), volume: '', total: all.length, backups: all.slice(0, Number(q.get('limit') ?? all.length)) };
  },
};

const POSTS = {
  '/v1/backup': (body) => {
    const backup = { ...backupsOf(body.namespace, body.pvc)[0], id: Math.random().toString(16).slice(2, 14), of: `${body.namespace}/${body.pvc}`, taken_at: new Date().toISOString() };
    setTimeout(() => extra.unshift(backup), 5000);
    return { status: 202, body: { driver: 'restic', job_name: 'soteria-backup-1', namespace: body.namespace, requested_by: 'ada', dry_run: false } };
  },
  '/v1/backup/namespace': (body) => ({ status: body.dry_run ? 200 : 202, body: { namespace: body.namespace, status: 'all', requested_by: 'ada', dry_run: Boolean(body.dry_run), results: inventory.namespaces.find(({ name }) => name === body.namespace).pvcs.map(({ pvc }) => ({ pvc, result: body.dry_run ? 'would_start' : 'started', driver: 'restic', job_name: `soteria-backup-${pvc}` })) } }),
  '/v1/restores': planRestore,
  '/v1/restores/namespace': planNamespace,
  '/v1/restore-test': () => ({ status: 202, body: { driver: 'restic', job_name: 'test-2', job_namespace: 'soteria-system', namespace: 'x', pvc: 'y', backup: 'a', taken_at: new Date().toISOString(), room_bytes: 1, requested_by: 'ada', dry_run: false } }),
  '/v1/policies': (body) => {
    const same = (p) => p.namespace === body.namespace && p.pvc === body.pvc && p.source.startsWith('api-');
    const policy = { id: `${body.namespace}-${body.pvc}`, enabled: true, ...body, source: body.pvc ? 'api-claim' : 'api-namespace' };
    policies.policies = [...policies.policies.filter((p) => !same(p)), policy];
    return { status: 201, body: policy };
  },
};

async function answer(request, url) {
  if (process.env.MOCK_STATUS) return fail(Number(process.env.MOCK_STATUS), process.env.MOCK_STATUS === '401' ? 'unauthenticated' : 'denied', 'user ada is in none of the allowed groups');
  if (request.method === 'GET' && GETS[url.pathname]) return { status: 200, body: GETS[url.pathname](url.searchParams) };
  if (request.method === 'POST' && POSTS[url.pathname]) {
    let text = '';
    for await (const chunk of request) text += chunk;
    return POSTS[url.pathname](JSON.parse(text));
  }
  if (request.method === 'DELETE') {
    const gone = policies.policies.find(({ id }) => url.pathname.endsWith(id));
    policies.policies = policies.policies.filter((p) => p !== gone);
    return gone ? { status: 200, body: gone } : fail(404, 'not_found', 'there is no such policy');
  }
  return fail(404, 'not_found', 'there is nothing at this path');
}

function serveFile(path, response) {
  const file = join(dist, path);
  const found = path !== '/' && existsSync(file) && statSync(file).isFile() ? file : join(dist, 'index.html');
  response.writeHead(200, { 'Content-Type': TYPES[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" });
  createReadStream(found).pipe(response);
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  if (!url.pathname.startsWith('/v1')) return serveFile(url.pathname, response);
  const { status, body } = await answer(request, url);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}).listen(port, '127.0.0.1');
