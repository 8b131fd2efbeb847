// The claims of a made-up cluster that were made to look at a backup, and what removes them. One is used by a pod.
const HOURS = { '24h': 24, '7d': 7 * 24, '30d': 30 * 24 };

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const nameOf = ({ namespace, pvc }) => `${namespace}/${pvc}`;

/** When a copy that is asked for now expires; undefined for never. */
export const expiryOf = ({ expires }) => (expires ? iso(Date.now() + HOURS[expires] * 3_600_000) : undefined);

export class Copies {
  #copies = [];

  constructor(doings) {
    this.doings = doings;
  }

  list({ namespace } = {}) {
    const copies = this.#copies.filter((copy) => !namespace || copy.namespace === namespace);
    return { generated_at: iso(Date.now()), copies: copies.map((copy) => ({ ...copy, ...this.#standing(copy) })) };
  }

  #standing({ namespace, pvc, restore, used_by }) {
    const ready = this.doings.restores({ namespace, pvc }).some(({ name, phase }) => name === restore && phase === 'Completed');
    const state = ready ? { state: 'ready', message: 'the claim has its data' } : { state: 'restoring', message: 'the claim is being restored' };
    return { ...state, removable: used_by.length === 0 };
  }

  /** Writes down that a claim was made to look at a backup. */
  add(target, source, chosen, { expires, restore }) {
    this.#copies.unshift({
      ...target, uid: restore, source_namespace: source.namespace, source_pvc: source.pvc, driver: chosen.driver, backup: chosen.id, taken_at: chosen.taken_at, restore, requested_by: 'ada',
      created_at: iso(Date.now()), expires_at: expiryOf({ expires }) ?? null, expired: false, used_by: target.pvc.startsWith('used') ? ['viewer'] : [],
      keep: `kubectl -n ${target.namespace} annotate pvc ${target.pvc} soteria.dev/restore-test-`, remove: `kubectl -n ${target.namespace} delete pvc ${target.pvc}`,
    });
    Object.assign(this.doings.find(target), { health_reason: 'skipped', copy: true, health_message: 'the claim was made by a restore test, so it is not backed up' });
  }

  remove(claim, whileUsed) {
    const copy = this.#copies.find((each) => nameOf(each) === nameOf(claim));
    if (!copy) return { status: 404, body: { error: `${nameOf(claim)} is no copy`, title: 'The claim is no copy that Soteria made', code: 'not_found', reason: 'no_copy' } };
    if (copy.used_by.length > 0 && !whileUsed) {
      return { status: 409, body: { error: `pod ${copy.used_by[0]} uses claim ${nameOf(claim)}; end it, or ask with while_used=true`, title: 'A pod uses the copy', code: 'conflict', reason: 'in_use' } };
    }
    this.#copies = this.#copies.filter((each) => each !== copy);
    const home = this.doings.inventory.namespaces.find(({ name }) => name === claim.namespace);
    home.pvcs = home.pvcs.filter(({ pvc }) => pvc !== claim.pvc);
    return { status: 200, body: { ...claim, uid: copy.uid, restoring: false, used_by: copy.used_by, volume: copy.restore, message: `claim ${nameOf(claim)} is deleted, and its volume with it`, requested_by: 'ada' } };
  }
}
