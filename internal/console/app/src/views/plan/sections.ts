import type { Plan, PlannedClaim } from '@/api/types';
import { OUTCOMES, isOutcome, type Outcome } from '@/words/outcome';
import { groupBy } from '@/words/group';

/** The claims of one outcome. */
export interface Section {
  outcome: Outcome;
  claims: PlannedClaim[];
}

/** Sorts a plan's claims by outcome, what wants a person first. An outcome that the console does not know is a hold. */
export function sectionsOf(plan: Plan): Section[] {
  const byOutcome = groupBy(plan.claims, ({ outcome }) => (isOutcome(outcome) ? outcome : 'hold'));
  return OUTCOMES.flatMap((outcome) => {
    const claims = byOutcome.get(outcome);
    return claims ? [{ outcome, claims }] : [];
  });
}

/** Sums up the bytes that would come back; `unknown` counts the backups whose size no driver knows. */
export function bytesToRestore(plan: Plan): { bytes: number; unknown: number } {
  const sizes = plan.claims.flatMap(({ backup }) => (backup ? [backup.size_bytes] : []));
  return { bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0), unknown: sizes.filter((size) => size === null).length };
}
