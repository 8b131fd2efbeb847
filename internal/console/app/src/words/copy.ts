import type { Copy, InventoryClaim } from '@/api/types';
import { healthInWords, type Wording } from './health';

/** How a claim stands that was made to look at a backup. */
export const COPY: Wording = { label: 'Copy', tone: 'idle', meaning: 'It was made to look at a backup: policies do not back it up, and it is not counted.' };

/** Puts how a claim stands in words: one that was made to look at a backup, and has its data, is a copy and nothing else. */
export function standingOfClaim(claim: Pick<InventoryClaim, 'health_reason' | 'hold_reason' | 'copy'>): Wording {
  return claim.copy && claim.health_reason === 'skipped' ? COPY : healthInWords(claim);
}

const STATES: Record<string, Wording> = {
  starting: { label: 'Starting', tone: 'busy', meaning: 'The claim is being made.' },
  restoring: { label: 'Restoring', tone: 'busy', meaning: 'The claim does not have its data yet.' },
  ready: { label: 'Ready', tone: 'ok', meaning: 'The claim has its data.' },
  removing: { label: 'Going', tone: 'idle', meaning: 'The claim is being deleted.' },
  unproved: { label: 'Not proved', tone: 'unknown', meaning: 'Soteria cannot prove that it made this very claim, and never removes it.' },
  unknown: { label: 'Unknown', tone: 'unknown', meaning: 'The claim could not be read.' },
};

/** Puts a copy's state in words; one that the console does not know is shown as it is. */
export function copyInWords({ state }: Pick<Copy, 'state'>): Wording {
  return STATES[state] ?? { label: state, tone: 'unknown', meaning: 'This console does not know the word.' };
}

/** How a copy can be removed: at once; at once where it is said that a pod uses it; by a person's command alone; or not for now. */
export type Removal = 'at once' | 'while used' | 'by hand' | 'not now';

/** Returns how a copy can be removed. What could not be told is no leave to remove it. */
export function removalOf({ state, uid, used_by, removable }: Pick<Copy, 'state' | 'uid' | 'used_by' | 'removable'>): Removal {
  if (state === 'unproved') return 'by hand';
  if (state !== 'ready' && state !== 'restoring') return 'not now';
  if (uid !== '' && used_by && used_by.length > 0) return 'while used';
  return removable ? 'at once' : 'not now';
}

/** Names the pods that use a copy, or wait for it: "pod a", "pods a and b". */
export function podsInWords(pods: readonly string[]): string {
  const last = pods.at(-1) ?? '';
  return pods.length === 1 ? `pod ${last}` : `pods ${pods.slice(0, -1).join(', ')} and ${last}`;
}

/** After what time a copy is removed by itself, as the API takes it; empty: never. */
export const EXPIRIES = [
  { value: '', label: 'Never: until it is removed here' },
  { value: '24h', label: 'One day' },
  { value: '7d', label: 'Seven days' },
  { value: '30d', label: 'Thirty days' },
] as const;
