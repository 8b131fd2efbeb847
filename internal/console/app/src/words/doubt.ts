import type { Backups, ClaimName, InventoryClaim, Listing, Status } from '@/api/types';
import { isClaimHeld, type Tone } from './health';
import { plural } from './size';

/** Something in doubt: what it is in a line, why in the API's words, and the command that settles it. */
export interface Doubt {
  key: string;
  tone: Tone;
  title: string;
  detail: string;
  settle?: string;
}

const TITLES: Record<string, (driver: string) => string> = {
  repository_unaccepted: (driver) => `Nothing says that the ${driver} repository holds all that it should`,
  repository_changed: (driver) => `The ${driver} repository is not what it was`,
  repository_dropped: () => 'A backup system that held backups is not looked at any more',
};

/** Gives what is in doubt of the repositories, which keeps claims without a known backup waiting. */
export function doubtsOf(listings: readonly Listing[]): Doubt[] {
  const all = listings.flatMap(({ driver, doubts, unproved }) => {
    const told = doubts ?? (unproved ? [{ code: '', message: unproved, settle: undefined }] : []);
    return told.map(({ code, message, settle }): Doubt => ({
      key: message,
      tone: 'unknown',
      title: TITLES[code]?.(driver) ?? `The ${driver} repository may hold more than is known`,
      detail: message,
      ...(settle && { settle }),
    }));
  });
  // Each listing reports a system that is not looked at any more.
  return all.filter(({ key }, index) => all.findIndex((other) => other.key === key) === index);
}

/** Counts the claims that wait since nothing proves that they have no backup. */
export function waitingIn(claims: readonly Pick<InventoryClaim, 'health_reason' | 'hold_reason' | 'backup_count'>[]): number {
  return claims.filter((claim) => isClaimHeld(claim) && claim.backup_count === 0).length;
}

/** Says how many claims wait for a doubt to be settled, and what may become of them. */
export function waitingInWords(waiting: number): string {
  if (waiting === 0) return 'No claim waits for it now.';
  return `${plural(waiting, 'claim without a known backup waits', 'claims without a known backup wait')} now. Once all doubts are settled and no backup is found, ${waiting === 1 ? 'it starts' : 'they start'} empty.`;
}

/** Gives what is in doubt of one claim: its newest backup is gone, or a newer one than those that are listed may exist. */
export function doubtsAbout(claim: ClaimName, status: Pick<Status, 'missing'> | undefined, backups: Pick<Backups, 'doubt' | 'settle'> | undefined): Doubt[] {
  const missing = missingOf(status, claim);
  if (!backups?.doubt || missing.some(({ detail }) => detail === backups.doubt)) return missing;
  return [...missing, { key: 'newer', tone: 'unknown', title: 'A newer backup of this claim may exist than those that are listed', detail: backups.doubt, ...(backups.settle && { settle: backups.settle }) }];
}

function missingOf(status: Pick<Status, 'missing'> | undefined, claim: ClaimName): Doubt[] {
  const missing = status?.missing?.filter(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc) ?? [];
  return missing.map(({ driver, message, settle }) => ({ key: driver, tone: 'bad', title: 'The newest backup of this claim is gone', detail: message, ...(settle && { settle }) }));
}
