// Work on many claims of the made-up cluster, which goes on by itself, and what keeping a policy would do.
const PACE = 400;

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

export class Batches {
  #all = [];

  constructor(doings) {
    this.doings = doings;
  }

  /** Begins a batch: its members are started one after the other. `start` starts one and returns what became of it. */
  begin(kind, { namespace, target_namespace }, members, start) {
    const batch = { id: `batch-${this.#all.length + 1}`, kind, namespace, ...(target_namespace && { target_namespace }), requested_by: 'ada', created_at: iso(Date.now()), started_all_at: null, members: members.map((member) => ({ ...member, state: 'waiting' })) };
    this.#all.unshift(batch);
    batch.members.forEach((member, i) =>
      setTimeout(() => {
        const { error, code, field, ...made } = start(member);
        Object.assign(member, error ? { state: 'refused', error, code, field } : { state: 'started', ...made });
        if (i === members.length - 1) batch.started_all_at = iso(Date.now());
      }, PACE * (i + 1)),
    );
    return { status: 202, body: this.#told(batch), location: `/v1/batches/${batch.id}` };
  }

  list() {
    return { batches: this.#all.map((batch) => ({ ...this.#told(batch), members: undefined })) };
  }

  find(id) {
    const batch = this.#all.find((each) => each.id === id);
    return batch ? { status: 200, body: this.#told(batch) } : { status: 404, body: { error: `there is no batch ${id}`, title: 'There is no such batch', code: 'not_found' } };
  }

  #told(batch) {
    const members = batch.members.map((member) => (member.restore ? this.#restored(batch, member) : member));
    const count = (state) => members.filter((member) => member.state === state).length;
    const counts = { members: members.length, waiting: count('waiting'), refused: count('refused'), started: count('started'), done: count('done'), gone: count('gone') };
    return { ...batch, state: counts.waiting > 0 ? 'starting' : counts.started > 0 && batch.kind === 'restore' ? 'running' : 'done', counts, members };
  }

  #restored({ target_namespace }, member) {
    const restore = this.doings.restores({ namespace: target_namespace }).find(({ name }) => name === member.restore);
    if (!restore) return { ...member, state: 'gone' };
    return { ...member, state: restore.phase === 'Completed' ? 'done' : 'started', phase: restore.phase, progress: restore.progress, message: restore.message };
  }
}

/** What keeping a policy would do: which claims it would hold for. */
export function preview(body, doings) {
  const { dry_run, ...policy } = body;
  const namespace = doings.inventory.namespaces.find(({ name }) => name === body.namespace);
  const claims = namespace?.pvcs.filter(({ pvc }) => !body.pvc || pvc === body.pvc) ?? [];
  const matches = claims.map(({ pvc, volume }, i) => ({
    namespace: body.namespace, pvc, holds: i % 5 !== 3, ...(i % 5 === 3 && { overridden_by: 'claim-label', overridden_by_id: 'x' }),
    ...(!volume && { reason: 'unbound', message: 'the claim is not bound to a volume (Pending)' }),
  }));
  const warnings = namespace ? (claims.length === 0 ? [`claim ${body.namespace}/${body.pvc} does not exist`] : []) : [`namespace ${body.namespace} does not exist`];
  return { status: 200, body: { policy: { id: 'preview', ...policy, source: body.pvc ? 'api-claim' : 'api-namespace' }, replaces: false, matches, holds: matches.filter(({ holds }) => holds).length, warnings, dry_run: Boolean(dry_run) } };
}
