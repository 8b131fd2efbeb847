import type { Plan, PlannedClaim } from '@/api/types';
import type { Wording } from '@/words/health';
import { OUTCOMES, OUTCOME_WORDS, causesOf, isOutcome, type Outcome } from '@/words/outcome';
import { groupBy } from '@/words/group';

/** The claims of one outcome, or of one cause of it where that has several that want different things of a person. */
export interface Section {
  id: string;
  outcome: Outcome;
  wording: Wording;
  claims: PlannedClaim[];
}

/** Sorts a plan's claims by outcome and cause, what wants a person first. An outcome that the console does not know is a hold. */
export function sectionsOf(plan: Plan): Section[] {
  const byOutcome = groupBy(plan.claims, ({ outcome }) => (isOutcome(outcome) ? outcome : 'hold'));
  return OUTCOMES.flatMap((outcome) => {
    const claims = byOutcome.get(outcome);
    return claims ? causesIn(outcome, claims) : [];
  });
}

function causesIn(outcome: Outcome, claims: PlannedClaim[]): Section[] {
  const causes = causesOf(outcome);
  if (causes.length === 0) return [{ id: outcome, outcome, wording: OUTCOME_WORDS[outcome], claims }];
  // The last cause is of all that the ones before it do not know.
  const byCause = groupBy(claims, ({ reason }) => causes.findIndex(({ reasons }) => reasons === null || reasons.includes(reason)));
  return causes.flatMap(({ wording }, index) => {
    const each = byCause.get(index);
    return each ? [{ id: `${outcome}-${index}`, outcome, wording, claims: each }] : [];
  });
}

/** A count of claims for the top of a plan. */
export interface Tally {
  wording: Wording;
  count: number;
}

/** Counts the claims of each outcome, apart by cause where it has several; an outcome of no claim is counted as that. */
export function tallyOf(plan: Plan): Tally[] {
  const sections = groupBy(sectionsOf(plan), ({ outcome }) => outcome);
  return OUTCOMES.flatMap((outcome) => sections.get(outcome)?.map(({ wording, claims }) => ({ wording, count: claims.length })) ?? [{ wording: OUTCOME_WORDS[outcome], count: 0 }]);
}

/** Sums up the bytes that would come back; `unknown` counts the backups whose size no driver knows. */
export function bytesToRestore(plan: Plan): { bytes: number; unknown: number } {
  const sizes = plan.claims.flatMap(({ backup }) => (backup ? [backup.size_bytes] : []));
  return { bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0), unknown: sizes.filter((size) => size === null).length };
}
