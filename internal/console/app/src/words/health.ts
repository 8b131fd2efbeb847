import type { InventoryClaim } from '@/api/types';

/** How a state looks. Each has a shape of its own, so that none is told by colour alone. */
export type Tone = 'ok' | 'warn' | 'bad' | 'busy' | 'idle' | 'unknown';

/** A state in words. */
export interface Wording {
  label: string;
  tone: Tone;
  /** The state in a sentence, for those who do not know the word. */
  meaning: string;
}

/** The groups that claims are counted in, in the order of the strip. */
export const GROUPS = ['fresh', 'stale', 'none', 'restoring', 'held', 'unknown', 'other'] as const;
export type Group = (typeof GROUPS)[number];

export const GROUP_WORDS: Record<Group, Wording> = {
  fresh: { label: 'Fresh', tone: 'ok', meaning: 'The newest backup is as young as it should be.' },
  stale: { label: 'Stale', tone: 'warn', meaning: 'There are backups, and the newest is too old.' },
  none: { label: 'No backup', tone: 'bad', meaning: 'No backup of the claim exists.' },
  restoring: { label: 'Restoring', tone: 'busy', meaning: 'The claim is getting its data back.' },
  held: { label: 'Held', tone: 'bad', meaning: 'The claim waits, and does not start empty.' },
  unknown: { label: 'Unknown', tone: 'unknown', meaning: 'It could not be told whether there are backups.' },
  other: { label: 'Other', tone: 'idle', meaning: 'Claims that are being checked for backups, unbound, going, lost, skipped or excluded.' },
};

const REASONS: Record<string, Wording & { group: Group }> = {
  fresh: { ...GROUP_WORDS.fresh, group: 'fresh' },
  stale: { ...GROUP_WORDS.stale, group: 'stale' },
  no_backups: { ...GROUP_WORDS.none, group: 'none' },
  restoring: { ...GROUP_WORDS.restoring, group: 'restoring' },
  held: { ...GROUP_WORDS.held, group: 'held' },
  lookup_failed: { ...GROUP_WORDS.unknown, group: 'unknown' },
  unreviewed: { label: 'Unreviewed', tone: 'bad', meaning: 'The claim got its volume while the gate was off, although backups of it exist. It may be empty.', group: 'other' },
  lost: { label: 'Lost', tone: 'bad', meaning: 'The claim’s volume is gone.', group: 'other' },
  unbound: { label: 'Unbound', tone: 'idle', meaning: 'The claim is not bound to a volume yet.', group: 'other' },
  deleting: { label: 'Going', tone: 'idle', meaning: 'The claim is being deleted.', group: 'other' },
  skipped: { label: 'Skipped', tone: 'idle', meaning: 'No backup is expected of the claim, for a reason.', group: 'other' },
  excluded: { label: 'Excluded', tone: 'idle', meaning: 'Soteria keeps out of this namespace.', group: 'other' },
};

/** The word of the API for a claim, or a restore, whose backups are being looked for while nothing is wrong. */
export const CHECKING_REASON = 'CheckingForBackups';

/** How a claim stands whose backups are being looked for. */
export const CHECKING: Wording = { label: 'Checking for backups', tone: 'busy', meaning: 'It is being looked whether the claim has backups. It starts in seconds.' };

type Standing = Pick<InventoryClaim, 'health_reason' | 'hold_reason'>;

/** Whether a claim waits only for the look for its backups, which takes its usual time. */
export function isBeingChecked({ health_reason, hold_reason }: Standing): boolean {
  return health_reason === 'held' && hold_reason === CHECKING_REASON;
}

/** Whether a claim is held: it waits until something is settled or set right. */
export function isClaimHeld(claim: Standing): boolean {
  return claim.health_reason === 'held' && !isBeingChecked(claim);
}

/** Puts how a claim stands in words; a `health_reason` that the console does not know is shown as it is. */
export function healthInWords(claim: Standing): Wording {
  if (isBeingChecked(claim)) return CHECKING;
  return REASONS[claim.health_reason] ?? { label: claim.health_reason, tone: 'unknown', meaning: 'This console does not know the word.' };
}

/** Gives the group that a claim is counted in. */
export function groupOf(claim: Standing): Group {
  if (isBeingChecked(claim)) return 'other';
  return REASONS[claim.health_reason]?.group ?? 'other';
}

/** Counts claims by group. */
export function countGroups(claims: readonly InventoryClaim[]): Record<Group, number> {
  const counts = Object.fromEntries(GROUPS.map((group) => [group, 0])) as Record<Group, number>;
  for (const claim of claims) counts[groupOf(claim)]++;
  return counts;
}

export const PROTECTIONS: Record<string, string> = {
  auto: 'restored if a backup exists, else starts empty',
  required: 'restored, and held while no backup exists',
  skip: 'starts empty, with a reason',
  none: 'not protected',
  invalid: 'its label is not understood',
};

/** Puts a claim's `protection` in a sentence. */
export function protectionInWords(protection: string): string {
  return PROTECTIONS[protection] ?? protection;
}
