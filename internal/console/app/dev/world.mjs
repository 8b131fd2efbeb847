// A made-up cluster for development: claims, backups, policies and restores, the same at each start.
const HOUR = 3_600_000;
const REASONS = ['fresh', 'fresh', 'fresh', 'fresh', 'fresh', 'fresh', 'fresh', 'fresh', 'fresh', 'stale', 'no_backups', 'unbound', 'skipped'];
const APPS = ['postgres', 'photos', 'media', 'config', 'index', 'data-authentik-postgresql-replica', 'uploads', 'cache', 'wiki', 'mail'];

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

function draw(seed) {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

/** How many backups were taken on each of the last 14 days, the newest of them so many hours ago. */
function days(age, perDay, random) {
  const untouched = Math.floor(age / 24);
  return Array.from({ length: 14 }, (_, i) => (14 - i <= untouched || random() < 0.06 ? 0 : Math.ceil(perDay * (i === 13 ? 0.5 : 1))));
}

function claim(namespace, pvc, reason, random, now) {
  const driver = random() < 0.7 ? 'restic' : 'longhorn';
  const age = { fresh: random() * 20, stale: 30 + random() * 400, lookup_failed: random() * 30, restoring: random() * 10, held: random() * 9 }[reason];
  const last = age === undefined ? null : iso(now - age * HOUR);
  const count = last ? 1 + Math.floor(random() * 40) : 0;
  const messages = {
    held: `could not tell whether backups of ${namespace}/${pvc} exist: listing the restic repository: dial tcp 10.0.0.9:9000: connection refused; the claim waits and is restored by itself once that is mended`,
    restoring: 'restoring: 62% of 1.2 GiB',
    skipped: 'can be computed',
  };
  return {
    namespace,
    pvc,
    volume: reason === 'unbound' || reason === 'held' || reason === 'restoring' ? '' : `pvc-${namespace}-${pvc}`,
    storage_class: 'longhorn',
    capacity: `${1 + Math.floor(random() * 100)}Gi`,
    driver,
    last_backup_at: last,
    last_backup_age_hours: age ?? null,
    backup_count: count,
    ...(last && { recent_days: days(age, random() < 0.8 ? 1 : 1 + Math.floor(random() * 24), random) }),
    healthy: reason === 'fresh',
    health_reason: reason,
    ...(messages[reason] && { health_message: messages[reason] }),
    ...(reason === 'held' && { hold_reason: 'BackupsUnknown' }),
    by_driver: last ? [{ driver, backup_count: count, last_backup_at: last }] : [],
    ...(pvc === 'photos-0' && namespace === 'team-000' && { choice: { as_of: iso(now - 300 * HOUR), spent: true, message: `annotation soteria.dev/restore-as-of asks for the backup as of ${iso(now - 300 * HOUR)}; the claim has its data, and would get that backup again if it were made anew`, drop: 'kubectl -n team-000 annotate pvc photos-0 soteria.dev/restore-as-of-' } }),
    protection: reason === 'skipped' ? 'skip' : random() < 0.08 ? 'none' : random() < 0.2 ? 'required' : 'auto',
    verdict: 'Fresh (NoBackupExists)',
    ...(random() < 0.6 && last && { policy: 'ba7bea973f997739', policy_source: 'api-namespace', next_run: iso(now + random() * 20 * HOUR) }),
  };
}

/** A namespace whose claims are there to try things with: one to back up, one whose backups fail, one that is held. */
function demo(random, now) {
  const pvcs = [['broken', 'no_backups'], ['late', 'held'], ['photos', 'no_backups']].map(([pvc, reason]) => ({ ...claim('demo', pvc, reason, random, now), protection: 'required', policy: undefined, policy_source: undefined, next_run: undefined }));
  return { name: 'demo', pvcs };
}

export function world(size, now = Date.now()) {
  const random = draw(7);
  const perNamespace = size > 3000 ? 50 : 20;
  const namespaces = [];
  for (let n = 0; n * perNamespace < size; n++) {
    const name = `team-${String(n).padStart(3, '0')}`;
    const pvcs = [];
    for (let i = 0; i < perNamespace && n * perNamespace + i < size; i++) {
      const reason = n === 1 && i < 2 ? 'held' : n === 2 && i < 3 ? 'restoring' : REASONS[Math.floor(random() * REASONS.length)];
      pvcs.push(claim(name, `${APPS[i % APPS.length]}-${Math.floor(i / APPS.length)}`, reason, random, now));
    }
    namespaces.push({ name, pvcs: pvcs.sort((a, b) => (a.pvc < b.pvc ? -1 : 1)) });
  }
  namespaces.unshift(demo(random, now));
  const orphans = ['wiki', 'books', 'notes'].map((pvc) => ({
    namespace: 'attic',
    pvc,
    driver: 'restic',
    last_backup_at: iso(now - 2000 * HOUR),
    last_backup_age_hours: 2000,
    backup_count: 4,
    recent_days: Array(14).fill(0),
    by_driver: [{ driver: 'restic', backup_count: 4, last_backup_at: iso(now - 2000 * HOUR) }],
  }));
  return { generated_at: iso(now - 40_000), namespaces, orphans, listings: [{ driver: 'longhorn', listed_at: iso(now - 60_000) }, { driver: 'restic', listed_at: iso(now - 90_000) }] };
}

/** An id as restic makes them: 64 hexadecimal digits. */
function hashOf(text) {
  const random = draw([...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2_147_483_648, 7));
  return Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** The backups of a claim or of what is left of one, newest first. */
export function backupsOf(claim, now = Date.now()) {
  if (!claim?.last_backup_at) return [];
  const { namespace, pvc } = claim;
  const newest = Math.min(now, Date.parse(claim.last_backup_at));
  const random = draw(pvc.length * 31 + namespace.length);
  const backups = [];
  for (let i = 0; i < claim.backup_count; i++) {
    const driver = i % 7 === 3 ? 'longhorn' : claim.driver;
    const at = iso(newest - (i * 12 + (i && random() * 6)) * HOUR);
    const size = i % 11 === 5 ? null : Math.floor(2e9 + (60 - i) * 2e7 + random() * 1e8);
    backups.push({
      id: driver === 'restic' ? hashOf(`${namespace}/${pvc} ${i}`) : `backup-${(0x9e3779b9 * (i + 1) + pvc.length).toString(16).slice(0, 12)}`,
      driver,
      taken_at: at,
      created: at,
      state: 'completed',
      outcome: i % 9 === 4 ? 'partial' : i % 13 === 7 ? 'unknown' : 'complete',
      ...(driver === 'restic' && { tool: 'restic 0.16.4' }),
      size_bytes: size,
      size,
      files: driver === 'restic' ? 12_000 - i * 20 : null,
      tags: [`namespace=${namespace}`, `pvc=${pvc}`],
      labels: {},
    });
  }
  return backups;
}

export function planOf(inventory) {
  const outcome = { fresh: 'restore', stale: 'restore', restoring: 'restore', no_backups: 'start_empty', held: 'hold', lookup_failed: 'hold', skipped: 'start_empty', unbound: 'start_empty' };
  const claims = inventory.namespaces.flatMap(({ pvcs }) => pvcs).map((c) => {
    const what = c.protection === 'none' ? 'unprotected' : outcome[c.health_reason];
    const backup = what === 'restore' ? { namespace: c.namespace, pvc: c.pvc, id: hashOf(`${c.namespace}/${c.pvc}`), driver: c.driver, taken_at: c.last_backup_at, age_hours: c.last_backup_age_hours, size_bytes: 4_294_967_296 } : null;
    return { namespace: c.namespace, pvc: c.pvc, protection: c.protection, outcome: what, verdict: 'Restore', reason: what === 'restore' ? 'BackupFound' : c.protection === 'skip' ? 'Skipped' : what === 'hold' ? 'BackupsUnknown' : 'NoBackupExists', message: c.health_message ?? `no backup of ${c.namespace}/${c.pvc} exists`, backup };
  });
  const count = (what) => claims.filter((c) => c.outcome === what).length;
  const summary = Object.fromEntries(['restore', 'start_empty', 'hold', 'refuse', 'leave_alone', 'unprotected'].map((what) => [what, count(what)]));
  return {
    generated_at: inventory.generated_at,
    summary: { claims: claims.length, ...summary, orphans: inventory.orphans.length },
    unprotected: claims.filter((c) => c.outcome === 'unprotected').map((c) => `${c.namespace}/${c.pvc}`),
    claims,
    orphans: inventory.orphans,
    listings: inventory.listings,
  };
}

export function policiesOf(inventory, now = Date.now()) {
  const claims = inventory.namespaces.slice(0, 3).flatMap(({ pvcs }) => pvcs.slice(0, 6)).map((c, i) => ({
    namespace: c.namespace,
    pvc: c.pvc,
    policy_id: ['ba7bea973f997739', '747b33c9d92786dc', '205fb382edd2e656'][i % 3],
    source: 'api-namespace',
    driver: c.driver,
    last_backup_at: c.last_backup_at,
    next_run: iso(now + (i + 1) * HOUR),
    state: i % 9 === 4 ? 'failing' : i % 9 === 7 ? 'skipped' : 'scheduled',
    ...(i % 9 === 4 && { message: `Job ${c.namespace}/soteria-backup-${i} failed: repository is locked exclusively by another process` }),
    ...(i % 9 === 7 && { reason: 'unbound', message: 'the claim is not bound to a volume (Pending)' }),
  }));
  return {
    generated_at: iso(now - 20_000),
    evaluated_at: iso(now - 60_000),
    policies: [
      { id: 'ba7bea973f997739', namespace: 'team-000', pvc: '', interval_hours: 6, enabled: true, source: 'api-namespace' },
      { id: '747b33c9d92786dc', namespace: 'team-001', pvc: 'photos-0', schedule: '0 2 * * *', driver: 'restic', enabled: true, keep: { last: 3, daily: 7, weekly: 4 }, source: 'api-claim' },
      { id: '99', namespace: 'team-004', pvc: '', schedule: 'CRON_TZ=Europe/Berlin 30 3 * * 1-5', enabled: false, source: 'api-namespace' },
      { id: '205fb382edd2e656', namespace: 'team-002', pvc: 'media-0', interval_hours: 24, enabled: true, source: 'claim-label' },
    ],
    claims,
    warnings: [{ namespace: 'team-003', pvc: 'wiki-0', source: 'claim-annotation', message: 'annotation soteria.dev/backup-schedule: "nightly" cannot be understood' }],
  };
}

export function restoresAt(now, started) {
  const total = 1_288_490_189;
  const done = Math.min(total, Math.floor(((now - started) / 240_000) * total) + 300_000_000);
  const base = { empty: false, attempt: 1, evidence: 'restic repository 5e1f listed 2026-03-01T12:00:00Z to 2026-03-01T12:00:01Z', retry_at: null, completed_at: null };
  const condition = (type, met, reason, message) => ({ type, met, reason, message, since: iso(started - 60_000) });
  const backup = (pvc) => ({ namespace: 'team-002', pvc, driver: 'restic', id: hashOf(pvc), taken_at: iso(started - 9 * HOUR), size_bytes: total, files: 12_000 });
  return [
    { ...base, namespace: 'team-002', name: 'soteria-abc', pvc: 'cache-0', phase: done < total ? 'Transferring' : 'Completed', backup: backup('cache-0'), progress: { bytes_done: done, bytes_total: total, files_done: Math.floor((done / total) * 12_000), files_total: 12_000, summary: '' }, message: 'restoring', conditions: [condition('Selected', true, 'BackupFound', 'will be restored from the restic backup aaaaaaaaaaaa')], created_at: iso(started - 65_000), started_at: iso(started - 60_000), completed_at: done < total ? null : iso(now) },
    { ...base, namespace: 'team-002', name: 'soteria-def', pvc: 'config-0', phase: 'Preparing', attempt: 3, retry_at: iso(now + 40_000), backup: backup('config-0'), progress: null, message: 'the Job failed: no space left on device; it is tried again', conditions: [], created_at: iso(started - 600_000), started_at: iso(started - 60_000) },
    { ...base, namespace: 'demo', name: 'soteria-jkl', pvc: 'late', phase: 'Selecting', attempt: 0, backup: null, progress: null, message: 'could not tell whether backups of demo/late exist: listing the restic repository: dial tcp 10.0.0.9:9000: connection refused; the claim waits and is restored by itself once that is mended', conditions: [condition('Selected', false, 'BackupsUnknown', 'connection refused')], created_at: iso(started - 3_000_000), started_at: null, evidence: '' },
    { ...base, namespace: 'team-001', name: 'soteria-ghi', pvc: 'cache-0', phase: 'Selecting', attempt: 0, backup: null, progress: null, message: 'listing the restic repository: dial tcp 10.0.0.9:9000: connection refused', conditions: [], created_at: iso(started - 3_000_000), started_at: null, evidence: '' },
    ...Array.from({ length: 8 }, (_, i) => ({ ...base, namespace: `team-00${i}`, name: `soteria-old-${i}`, pvc: 'wiki-0', phase: 'Completed', backup: backup('wiki-0'), progress: null, message: 'the claim is bound', conditions: [], created_at: iso(started - (i + 1) * 9 * HOUR), started_at: iso(started - (i + 1) * 9 * HOUR), completed_at: iso(started - (i + 1) * 9 * HOUR + 400_000) })),
  ];
}
