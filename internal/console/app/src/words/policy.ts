import type { Keep, Policy, PolicyClaim } from '@/api/types';
import { readSchedule } from './cron';
import type { Wording } from './health';
import { plural } from './size';

/** Says what a policy is for. */
export function targetInWords(policy: Pick<Policy, 'namespace' | 'pvc'>): string {
  return policy.pvc === '' ? `every claim of ${policy.namespace}` : `${policy.namespace}/${policy.pvc}`;
}

/** Says when a policy backs up. */
export function timingInWords(policy: Pick<Policy, 'interval_hours' | 'schedule'>, now: Date): string {
  if (policy.schedule === 'none') return 'Never, as declared';
  if (policy.schedule) {
    try {
      return readSchedule(policy.schedule, now).words;
    } catch {
      return policy.schedule;
    }
  }
  return policy.interval_hours ? `Every ${plural(policy.interval_hours, 'hour')}` : 'No time given';
}

/** The counts that a policy may keep, in the order of their length. */
export const KEEP_COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** Says which backups stay: "last 3, 7 daily, 4 weekly". */
export function keepInWords(keep: Keep | null | undefined): string {
  const words = KEEP_COUNTS.filter((count) => keep?.[count]).map((count) => (count === 'last' ? `last ${keep?.last}` : `${keep?.[count]} ${count}`));
  return words.length === 0 ? 'all' : words.join(', ');
}

const SOURCES: Record<string, string> = {
  'claim-annotation': 'the claim’s annotation',
  'claim-label': 'the claim’s label',
  'api-claim': 'the console, for the claim',
  'api-namespace': 'the console, for the namespace',
};

/** Says where a policy comes from. */
export function sourceInWords(source: string): string {
  return SOURCES[source] ?? source;
}

/** Whether a policy is kept by the API, and not declared on its claim. */
export function isKeptHere(policy: Pick<Policy, 'source'>): boolean {
  return policy.source.startsWith('api-');
}

const STATES: Record<string, Wording> = {
  scheduled: { label: 'Scheduled', tone: 'ok', meaning: 'The next backup has its time.' },
  due: { label: 'Due', tone: 'busy', meaning: 'A backup is about to start.' },
  running: { label: 'Running', tone: 'busy', meaning: 'A backup is under way.' },
  failing: { label: 'Failing', tone: 'bad', meaning: 'The last backup failed; it is tried again.' },
  skipped: { label: 'Skipped', tone: 'warn', meaning: 'No backup is taken for now.' },
  off: { label: 'Off', tone: 'idle', meaning: 'The policy that holds is paused, or wants no backups.' },
};

/** Puts how a claim stands with its policy in words. */
export function standingInWords(claim: Pick<PolicyClaim, 'state'>): Wording {
  return STATES[claim.state] ?? { label: claim.state, tone: 'unknown', meaning: '' };
}
