// Has a made-up Soteria be in every doubt that the console can show: the API's golden answers of doubts, of the claims demo/photos
// (which got past the gate) and demo/late (which is held, since its newest backup is gone).
import { readFileSync } from 'node:fs';

const golden = (name) => JSON.parse(readFileSync(new URL(`../../../httpapi/testdata/${name}.json`, import.meta.url), 'utf8'));
const told = golden('status_doubts');
const PHOTOS = 'demo/photos';
const LATE = 'demo/late';
const MISSING = {
  message: 'the restic backup 1a2b3c4d of demo/late, taken 2026-02-28T12:00:00Z and last seen on 2026-02-28, is not there any more (no other backup of it is there): bring it back, or accept that it is gone with: soteria repository accept --claim demo/late; or label the claim soteria.dev/restore=skip with a reason',
  settle: 'soteria repository accept --claim demo/late',
};
const STRAYS = {
  code: 'unavailable',
  message:
    'nothing says which claim 3 restic snapshots are of, so that they may be of this one: 3 from host volsync, path /data, without tags (the newest of 2026-02-27). Say whose they are with SOTERIA_RESTIC_ADOPT (such as "host=volsync,path=/data => <namespace>/<pvc>"), or that they are of no claim with SOTERIA_RESTIC_FOREIGN (such as "host=volsync"), and see what that does with `soteria repository adopt --dry-run restic`; or accept those that are there now with `soteria repository accept restic 5e1f`',
  settle: 'soteria repository accept restic 5e1f',
};

const nameOf = ({ namespace, pvc }) => `${namespace}/${pvc}`;

function claim(each) {
  if (nameOf(each) === LATE) return { ...each, health_message: MISSING.message, backup_count: 0, last_backup_at: null };
  if (nameOf(each) !== PHOTOS) return each;
  return {
    ...each,
    health_reason: 'unreviewed',
    health_message: 'The claim was bound without a verdict of Soteria’s, and may be empty although backups of it exist (the newest: f6f0, taken 2026-03-01T07:00:00Z). It is backed up, but those backups are never restored by themselves, and no old one is removed. To have the data of a backup back, delete the claim and create it again while the gate is closed.',
    accept_data: "kubectl -n demo annotate pvc photos soteria.dev/accept-data='4f1c2a77-0d3e-4b1a-9a57-2f0f6f0f2a11 <reason>'",
  };
}

/** Puts the answers of doubts in the place of those of a Soteria that is well. */
export function inDoubt(GETS, POSTS) {
  const listings = (all) => all.map((listing) => ({ ...listing, ...(listing.driver === 'restic' && { doubts: [...told.listings[0].doubts.slice(0, 2), STRAYS] }) }));
  const report = (of) => (query) => {
    const answer = of(query);
    return { ...answer, listings: listings(answer.listings), ...(answer.namespaces && { namespaces: answer.namespaces.map((each) => ({ ...each, pvcs: each.pvcs.map(claim) })) }) };
  };
  const well = { ...GETS };
  GETS['/v1/inventory'] = report(well['/v1/inventory']);
  GETS['/v1/plan'] = report(well['/v1/plan']);
  GETS['/v1/status'] = (query) => ({
    ...well['/v1/status'](query), cluster: told.cluster, restored_clusters: told.restored_clusters, clock_doubt: told.clock_doubt, memory_copies: told.memory_copies,
    listings: listings(well['/v1/status'](query).listings), missing: [{ driver: 'restic', namespace: 'demo', pvc: 'late', ...MISSING }], missing_total: 1,
  });
  GETS['/v1/backups'] = (query) => (nameOf(query) === PHOTOS ? { ...golden('backups_assorted'), ...query } : well['/v1/backups'](query));
  GETS['/v1/restores'] = (query) => ({
    restores: well['/v1/restores'](query).restores.map((restore) => (restore.name === 'soteria-abc' ? { ...restore, message: STALL.message, conditions: [...restore.conditions, STALL] } : restore)),
  });
  const restore = POSTS['/v1/restores'];
  POSTS['/v1/restores'] = (body) => (nameOf(body) === PHOTOS ? { status: 200, body: { ...golden('restore_dry_run'), ...body, backup: body.snapshot, notes: [] } } : restore(body));
}

const STALL = {
  type: 'Stalled', met: true, reason: 'Scheduler', since: new Date(Date.now() - 400_000).toISOString(),
  message: '0/3 nodes are available: 3 Insufficient memory; give the mover less with SOTERIA_JOB_REQUESTS, or make room on a node',
};
