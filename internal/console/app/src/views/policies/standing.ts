import type { Policies, Policy, PolicyClaim } from '@/api/types';
import { groupBy } from '@/words/group';

/** How the claims of a policy stand: how many in each state, and when the next backup is due. */
export interface StandingsOfPolicy {
  counts: { state: string; count: number }[];
  next: string | null;
}

const ORDER = ['failing', 'running', 'due', 'scheduled', 'skipped', 'off'];

/** Sums up how the claims stand that a policy holds for. */
export function standingsOf(policies: Policies, policy: Pick<Policy, 'id'>): StandingsOfPolicy {
  const claims = policies.claims.filter(({ policy_id }) => policy_id === policy.id);
  const byState = groupBy(claims, ({ state }) => state);
  const counts = [...byState].map(([state, each]) => ({ state, count: each.length })).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  const next = claims.reduce<string | null>((first, { next_run }) => (next_run && (!first || next_run < first) ? next_run : first), null);
  return { counts, next };
}

/** Gives the claims that are not backed up as they should be, the failing ones first. */
export function troubled(policies: Policies): PolicyClaim[] {
  return policies.claims.filter(({ state }) => state === 'failing' || state === 'skipped').toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
}
