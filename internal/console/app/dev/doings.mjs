// What can be done to the made-up cluster, and what becomes of it: backups end after some seconds, restores go through
// their phases, and a claim that is held comes back once the repository is mended.
import { Batches, preview } from './batches.mjs';
import { Copies, expiryOf } from './copies.mjs';
import { backupsOf, restoresAt } from './world.mjs';

const SECOND = 1000;
const BACKUP_TAKES = 4 * SECOND;
/** When a restore that was asked for here enters its phases. */
const PHASES = [['Pending', 0], ['Selecting', SECOND], ['Transferring', 2 * SECOND], ['Verifying', 4 * SECOND], ['Completed', 5 * SECOND]];
/** What claims are called whose backups fail. */
const FAILING = /^broken/;
const TOTAL = 1_288_490_189;

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const hex = () => Math.random().toString(16).slice(2, 14).padEnd(12, '0');
const snapshotId = () => Array.from({ length: 64 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
const refused = (status, code, error, field) => ({ status, body: { error, code, ...(field && { field }) } });
const accepted = (dry_run, body) => ({ status: dry_run ? 200 : 202, body: { ...body, requested_by: 'ada', dry_run: Boolean(dry_run) } });

/** How a restore to a claim is refused that exists. */
function taken({ namespace, pvc }) {
  const { status, body } = refused(409, 'conflict', `claim ${namespace}/${pvc} exists; a restore makes a new claim and leaves others alone: choose another target_pvc, or delete that claim first`, 'target_pvc');
  return { status, body: { ...body, title: 'The target claim exists', reason: 'target_exists' } };
}

export class Doings {
  #events = new Map();
  #backups = new Map();
  #restores = [];

  constructor(inventory, policies) {
    this.inventory = inventory;
    this.policies = policies;
    this.started = Date.now();
    this.batches = new Batches(this);
    this.copies = new Copies(this);
  }

  find({ namespace, pvc }) {
    return this.inventory.namespaces.find(({ name }) => name === namespace)?.pvcs.find((claim) => claim.pvc === pvc);
  }

  orphan({ namespace, pvc }) {
    return this.inventory.orphans.find((orphan) => orphan.namespace === namespace && orphan.pvc === pvc);
  }

  /** A claim's backups, newest first. */
  backups(of) {
    const name = `${of.namespace}/${of.pvc}`;
    if (!this.#backups.has(name)) this.#backups.set(name, backupsOf(this.find(of) ?? this.orphan(of), this.started));
    return this.#backups.get(name);
  }

  restores({ namespace, pvc }) {
    const all = [...this.#restores.map((restore) => progressed(restore)), ...restoresAt(Date.now(), this.started)];
    return all.filter((restore) => (!namespace || restore.namespace === namespace) && (!pvc || restore.pvc === pvc));
  }

  /** What happened to a claim or, without its name, to those of its namespace. */
  events({ namespace, pvc }) {
    const all = [...this.#events].filter(([of]) => (pvc ? of === `${namespace}/${pvc}` : of.startsWith(`${namespace}/`))).flatMap(([, each]) => each);
    return all.toSorted((a, b) => (a.last_at < b.last_at ? 1 : -1));
  }

  tell({ namespace, pvc }, type, reason, message) {
    const at = iso(Date.now());
    const event = { first_at: at, last_at: at, count: 1, type, reason, message, source: 'soteria', object: { kind: 'PersistentVolumeClaim', namespace, name: pvc } };
    this.#events.set(`${namespace}/${pvc}`, [event, ...(this.#events.get(`${namespace}/${pvc}`) ?? [])]);
  }

  backUp(body) {
    const claim = this.find(body);
    if (!claim) return refused(404, 'not_found', `there is no claim ${body.namespace}/${body.pvc}`);
    if (!claim.volume) return refused(409, 'conflict', `claim ${body.namespace}/${body.pvc} is not bound to a volume (Pending)`);
    const job_name = `soteria-backup-${hex()}`;
    if (!body.dry_run) setTimeout(() => this.#ended(claim, job_name), BACKUP_TAKES);
    return accepted(body.dry_run, { driver: 'restic', job_name, namespace: body.namespace });
  }

  #ended(claim, job_name) {
    if (FAILING.test(claim.pvc)) return this.tell(claim, 'Warning', 'BackupFailed', `backup by Job ${job_name} failed: repository is locked exclusively by another process`);
    const at = iso(Date.now());
    const backup = { id: snapshotId(), driver: 'restic', taken_at: at, created: at, state: 'completed', size_bytes: 2e9, size: 2e9, files: 12_000, tags: [], labels: {} };
    this.backups(claim).unshift(backup);
    const count = claim.backup_count + 1;
    Object.assign(claim, { last_backup_at: at, last_backup_age_hours: 0, backup_count: count, healthy: true, health_reason: 'fresh', health_message: undefined, by_driver: [{ driver: 'restic', backup_count: count, last_backup_at: at }] });
    this.tell(claim, 'Normal', 'BackupCompleted', `backup ${backup.id.slice(0, 8)} by Job ${job_name} is complete: 12000 files, 3 of them new or changed, 4096 bytes added`);
  }

  backUpNamespace({ namespace, dry_run }, async) {
    const claims = this.inventory.namespaces.find(({ name }) => name === namespace)?.pvcs.filter(({ volume }) => volume) ?? [];
    if (async && !dry_run) return this.batches.begin('backup', { namespace }, claims.map(({ pvc }) => ({ pvc })), ({ pvc }) => this.backUp({ namespace, pvc }).body);
    const results = claims.map(({ pvc }) => ({ pvc, result: dry_run ? 'would_start' : 'started', driver: 'restic', job_name: this.backUp({ namespace, pvc, dry_run }).body.job_name }));
    return accepted(dry_run, { namespace, status: 'all', results });
  }

  restore(body) {
    const source = { namespace: body.namespace, pvc: body.pvc };
    const target = { namespace: body.target_namespace, pvc: body.target_pvc };
    if (this.find(target)) return taken(target);
    const backups = this.backups(source);
    if (backups.length === 0) return refused(404, 'not_found', `no backup of ${body.namespace}/${body.pvc} exists`);
    const named = body.snapshot && body.snapshot !== 'latest' ? backups.filter(({ id }) => id === body.snapshot) : backups;
    const chosen = named.find(({ taken_at }) => !body.as_of || Date.parse(taken_at) <= Date.parse(body.as_of));
    if (!chosen) return this.#unmet(body, backups);
    const restore = body.dry_run ? undefined : this.#bringBack(source, target, chosen);
    if (restore && body.copy) this.copies.add(target, source, chosen, { ...body, restore });
    return accepted(body.dry_run, {
      ...(restore && { restore }), ...source, target_namespace: target.namespace, target_pvc: target.pvc, driver: chosen.driver, backup: chosen.id,
      taken_at: chosen.taken_at, size: '10Gi', storage_class: 'longhorn', volume_mode: 'Filesystem',
      ...(body.copy && { copy: true, expires_at: expiryOf(body) }),
    });
  }

  #unmet({ namespace, pvc, as_of }, backups) {
    const { status, body } = refused(404, 'not_found', `no backup of ${namespace}/${pvc} was taken by ${as_of}; the oldest is of ${backups.at(-1).taken_at}`, as_of ? 'as_of' : 'snapshot');
    return { status, body: { ...body, title: 'No backup is what was asked for', reason: 'choice_unmet' } };
  }

  #bringBack(source, target, { driver, id, taken_at, files }) {
    const name = `soteria-${hex()}`;
    const now = Date.now();
    this.#restores.unshift({ name, ...target, asked: now, backup: { ...source, driver, id, taken_at, size_bytes: TOTAL, files } });
    const namespace = this.inventory.namespaces.find((each) => each.name === target.namespace);
    const claim = { ...target, volume: name, storage_class: 'longhorn', capacity: '10Gi', driver, last_backup_at: null, last_backup_age_hours: null, backup_count: 0, healthy: false, health_reason: 'no_backups', by_driver: [], protection: 'auto' };
    this.inventory.orphans = this.inventory.orphans.filter(({ namespace, pvc }) => namespace !== target.namespace || pvc !== target.pvc);
    if (namespace) namespace.pvcs.push(claim);
    else this.inventory.namespaces.push({ name: target.namespace, pvcs: [claim] });
    return name;
  }

  restoreNamespace(body, async) {
    const orphans = this.inventory.orphans.filter(({ namespace }) => namespace === body.namespace).map(({ pvc }) => pvc);
    const exists = this.inventory.namespaces.some(({ name }) => name === body.target_namespace);
    if (!exists && !body.dry_run && !body.create_namespace) return refused(404, 'not_found', `namespace ${body.target_namespace} does not exist`, 'target_namespace');
    const missing = exists || !body.dry_run ? {} : { target_missing: true, make_target: `kubectl create namespace ${body.target_namespace}` };
    const lost = body.include_orphans ? this.inventory.orphans.filter(({ namespace }) => namespace === body.namespace) : [];
    const claims = [...(this.inventory.namespaces.find(({ name }) => name === body.namespace)?.pvcs ?? []), ...lost];
    if (claims.length === 0) return refused(404, 'not_found', `namespace ${body.namespace} has no bound claim`, 'namespace');
    const wanted = (pvc) => !body.claims || body.claims.some((each) => each.pvc === pvc);
    const asked = claims.filter(({ pvc }) => wanted(pvc)).map(({ pvc }) => ({ ...body, claims: undefined, pvc, target_pvc: `${body.target_prefix}${pvc}` }));
    const taken = asked.filter(({ target_pvc }) => this.find({ namespace: body.target_namespace, pvc: target_pvc }));
    const answer = { namespace: body.namespace, target_namespace: body.target_namespace, status: taken.length > 0 ? 'none' : 'all', ...missing, ...(!body.include_orphans && orphans.length > 0 && { orphans }) };
    const of = ({ pvc, target_pvc }) => ({ pvc, target_pvc });
    if (taken.length > 0) {
      const results = asked.map((each) => (taken.includes(each) ? { ...of(each), result: 'refused', error: `claim ${body.target_namespace}/${each.target_pvc} exists`, code: 'conflict', field: 'target_pvc' } : { ...of(each), result: 'not_started' }));
      const failure = refused(409, 'conflict', `nothing was started: ${taken.length} of ${results.length} claims cannot be restored as asked; see results`);
      return { status: 409, body: { ...accepted(body.dry_run, { ...answer, results }).body, ...failure.body } };
    }
    if (async && !body.dry_run) return this.batches.begin('restore', body, asked.map(of), (member) => this.restore({ ...body, ...member, claims: undefined }).body);
    const results = asked.map((each) => {
      const { body: made } = this.restore(each);
      return made.error ? { ...of(each), result: 'refused', ...made } : { ...of(each), result: body.dry_run ? 'would_start' : 'started', driver: made.driver, backup: made.backup, taken_at: made.taken_at, orphan: orphans.includes(each.pvc), restore: made.restore };
    });
    return accepted(body.dry_run, { ...answer, results });
  }

  keepPolicy(body) {
    if (body.dry_run) return preview(body, this);
    const old = this.policies.policies.find((policy) => policy.namespace === body.namespace && policy.pvc === body.pvc && policy.source.startsWith('api-'));
    const policy = { id: `${body.namespace}-${body.pvc}`, ...body, source: body.pvc ? 'api-claim' : 'api-namespace' };
    if (body.schedule?.includes('25')) return refused(400, 'invalid', `schedule "${body.schedule}" cannot be understood: end of range (25) above maximum (23)`, 'schedule');
    this.policies.policies = [...this.policies.policies.filter((each) => each !== old), policy];
    return { status: old ? 200 : 201, body: policy };
  }

  deletePolicy(id) {
    const gone = this.policies.policies.find((policy) => policy.id === id);
    this.policies.policies = this.policies.policies.filter((policy) => policy !== gone);
    return gone ? { status: 200, body: gone } : refused(404, 'not_found', 'there is no such policy');
  }

  /** Has the repository answer again: claims that are held get their data back. */
  mend() {
    for (const claim of this.inventory.namespaces.flatMap(({ pvcs }) => pvcs)) {
      if (claim.health_reason === 'held') Object.assign(claim, { health_reason: 'fresh', health_message: undefined, hold_reason: undefined, healthy: true, volume: `pvc-${claim.pvc}` });
    }
    return { status: 200, body: {} };
  }
}

/** What is told of a restore that was asked for here, as of now. */
function progressed({ asked, backup, ...restore }) {
  const elapsed = Date.now() - asked;
  const [phase] = PHASES.findLast(([, at]) => at <= elapsed);
  const share = Math.min(1, Math.max(0, (elapsed - 2 * SECOND) / (2 * SECOND)));
  const completed = phase === 'Completed' ? iso(asked + PHASES.at(-1)[1]) : null;
  const progress = share > 0 ? { bytes_done: Math.floor(share * TOTAL), bytes_total: TOTAL, files_done: Math.floor(share * 12_000), files_total: 12_000, summary: `${Math.floor(share * 100)}% of 1.2 GiB` } : null;
  return { ...restore, backup, phase, progress, empty: false, attempt: 1, message: completed ? 'the claim is bound' : 'restoring', conditions: [], evidence: '', retry_at: null, created_at: iso(asked), started_at: iso(asked), completed_at: completed };
}
