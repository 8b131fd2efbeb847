import type { Inventory, InventoryClaim, Policies, Restore } from '@/api/types';
import { actsAgain, startsEmpty } from '@/words/choice';
import { isClaimHeld, type Tone } from '@/words/health';
import { isHeld } from '@/words/phase';
import { stallOf } from '@/words/stall';

/** A reason why a person has to look at claims, and the claims. */
export interface Concern {
  id: 'held' | 'stalled' | 'hanging' | 'unreviewed' | 'turnsBack' | 'startsEmpty' | 'failing' | 'lost' | 'misdeclared' | 'unknown' | 'none' | 'unprotected' | 'stale';
  tone: Tone;
  title: string;
  /** What to do about it. */
  remedy: string;
  claims: ConcernedClaim[];
}

/** A claim that a person has to look at, and why in the API's own words. */
export interface ConcernedClaim {
  namespace: string;
  pvc: string;
  reason: string;
}

type Rule = Omit<Concern, 'claims'> & { applies: (claim: InventoryClaim) => boolean; reason?: (claim: InventoryClaim) => string | undefined };

/** The concerns that a claim's line in the inventory tells. A claim counts for each, as the filters of the inventory count it. */
const RULES: Rule[] = [
  {
    id: 'held',
    tone: 'bad',
    title: 'Held',
    remedy: 'They wait and do not start empty. Mend what is said below, and they go on by themselves.',
    applies: isClaimHeld,
  },
  {
    id: 'unreviewed',
    tone: 'bad',
    title: 'Unreviewed',
    remedy: 'They got their volumes while the gate was off, and may be empty although backups exist. Open each one: restore it, or accept what it holds.',
    applies: ({ health_reason }) => health_reason === 'unreviewed',
  },
  {
    id: 'hanging',
    tone: 'bad',
    title: 'Backup does not go on',
    remedy: 'Nothing has moved for minutes. Do what is said below, and they go on by themselves.',
    applies: ({ backup_stalled }) => !!backup_stalled,
    reason: ({ backup_stalled }) => backup_stalled,
  },
  {
    id: 'turnsBack',
    tone: 'warn',
    title: 'Would get an old backup again',
    remedy: 'Their manifests still ask for the backup of one recovery. If the cluster were rebuilt, they would get it again. Drop what is not meant any more.',
    applies: ({ choice }) => !!choice && actsAgain(choice) && !startsEmpty(choice),
    reason: ({ choice }) => choice?.message,
  },
  {
    id: 'startsEmpty',
    tone: 'warn',
    title: 'Would start empty again',
    remedy: 'Their manifests ask to start empty, though backups of them exist. If the cluster were rebuilt, they would do so again. Drop what is not meant any more.',
    applies: ({ choice, backup_count }) => !!choice && actsAgain(choice) && startsEmpty(choice) && backup_count > 0,
    reason: ({ choice }) => choice?.message,
  },
  { id: 'lost', tone: 'bad', title: 'Lost', remedy: 'Their volumes are gone. Restore them from a backup.', applies: ({ health_reason }) => health_reason === 'lost' },
  {
    id: 'misdeclared',
    tone: 'bad',
    title: 'Label not understood',
    remedy: 'Admission would refuse them: the label soteria.dev/restore must be auto, required or skip.',
    applies: ({ protection }) => protection === 'invalid',
  },
  {
    id: 'unknown',
    tone: 'unknown',
    title: 'Could not tell',
    remedy: 'A repository cannot be listed, so nobody knows whether these have backups.',
    applies: ({ health_reason }) => health_reason === 'lookup_failed',
  },
  {
    id: 'unprotected',
    tone: 'warn',
    title: 'Unprotected',
    remedy: 'After a disaster they would start empty. Label them soteria.dev/restore=auto.',
    applies: ({ protection, health_reason }) => protection === 'none' && health_reason !== 'excluded',
  },
  {
    id: 'none',
    tone: 'bad',
    title: 'No backup',
    remedy: 'There is nothing to bring back. Back them up.',
    applies: ({ health_reason }) => health_reason === 'no_backups',
  },
  { id: 'stale', tone: 'warn', title: 'Stale', remedy: 'Their newest backup is too old.', applies: ({ health_reason }) => health_reason === 'stale' },
];

const ORDER: Concern['id'][] = ['held', 'stalled', 'hanging', 'unreviewed', 'failing', 'lost', 'turnsBack', 'startsEmpty', 'none', 'misdeclared', 'unknown', 'stale', 'unprotected'];

/** Sums up what needs a person, the most pressing first. Without policies, failed backups are not known. `underWay` are the restores that are not over. */
export function concernsOf(inventory: Inventory, policies: Policies | undefined, underWay: readonly Restore[] = []): Concern[] {
  const concerns = new Map<Concern['id'], Concern>();
  for (const claim of inventory.namespaces.flatMap(({ pvcs }) => pvcs)) {
    for (const rule of RULES.filter(({ applies }) => applies(claim))) concernIn(concerns, rule).claims.push({ namespace: claim.namespace, pvc: claim.pvc, reason: rule.reason?.(claim) ?? claim.health_message ?? '' });
  }
  const failing = failingOf(policies);
  if (failing.claims.length > 0) concerns.set('failing', failing);
  const stalled = stalledOf(underWay);
  if (stalled.claims.length > 0) concerns.set('stalled', stalled);
  return ORDER.flatMap((id) => concerns.get(id) ?? []);
}

function concernIn(concerns: Map<Concern['id'], Concern>, { id, tone, title, remedy }: Rule): Concern {
  const concern = concerns.get(id) ?? { id, tone, title, remedy, claims: [] };
  concerns.set(id, concern);
  return concern;
}

function stalledOf(underWay: readonly Restore[]): Concern {
  const claims = underWay.flatMap((restore) => {
    const stall = stallOf(restore);
    // What is held is said to be so already.
    return stall && !isHeld(restore) ? [{ namespace: restore.namespace, pvc: restore.pvc || restore.name, reason: `${stall.title}. ${stall.message}` }] : [];
  });
  return { id: 'stalled', tone: 'bad', title: 'Restore does not go on', remedy: 'Nothing has moved for minutes. Do what is said below, and they go on by themselves.', claims };
}

function failingOf(policies: Policies | undefined): Concern {
  const claims = (policies?.claims ?? []).filter(({ state }) => state === 'failing');
  return {
    id: 'failing',
    tone: 'bad',
    title: 'Backup failed',
    remedy: 'The last backup failed. It is tried again, ever less often.',
    claims: claims.map(({ namespace, pvc, message }) => ({ namespace, pvc, reason: message ?? '' })),
  };
}
