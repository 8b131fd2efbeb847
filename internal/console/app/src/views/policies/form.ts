import type { Keep, Policy, PolicyRequest } from '@/api/types';
import { KEEP_COUNTS } from '@/words/policy';

/** How a policy says when. */
export type Timing = 'interval' | 'schedule';

/** A policy as it is typed. */
export interface PolicyForm {
  namespace: string;
  pvc: string;
  timing: Timing;
  hours: string;
  schedule: string;
  driver: string;
  enabled: boolean;
  keep: Record<(typeof KEEP_COUNTS)[number], string>;
}

const EMPTY_KEEP = Object.fromEntries(KEEP_COUNTS.map((count) => [count, ''])) as PolicyForm['keep'];

/** The form of a new policy. */
export const NEW_POLICY: PolicyForm = { namespace: '', pvc: '', timing: 'interval', hours: '24', schedule: '', driver: '', enabled: true, keep: EMPTY_KEEP };

/** Puts a policy into its form. */
export function formOf(policy: Policy): PolicyForm {
  return {
    namespace: policy.namespace,
    pvc: policy.pvc,
    timing: policy.schedule ? 'schedule' : 'interval',
    hours: policy.interval_hours ? String(policy.interval_hours) : NEW_POLICY.hours,
    schedule: policy.schedule ?? '',
    driver: policy.driver ?? '',
    enabled: policy.enabled,
    keep: { ...EMPTY_KEEP, ...Object.fromEntries(Object.entries(policy.keep ?? {}).map(([count, value]) => [count, value ? String(value) : ''])) },
  };
}

/** Puts a form into the request that keeps the policy. */
export function policyRequest(form: PolicyForm): PolicyRequest {
  return {
    namespace: form.namespace.trim(),
    pvc: form.pvc.trim(),
    ...(form.timing === 'interval' ? { interval_hours: Math.trunc(Number(form.hours)) || 0 } : { schedule: form.schedule.trim() }),
    ...(form.driver && { driver: form.driver }),
    enabled: form.enabled,
    ...keepRequest(form.keep),
  };
}

function keepRequest(keep: PolicyForm['keep']): { keep?: Keep } {
  const counts = KEEP_COUNTS.flatMap((count) => (Number(keep[count]) > 0 ? [[count, Math.trunc(Number(keep[count]))] as const] : []));
  return counts.length > 0 ? { keep: Object.fromEntries(counts) } : {};
}

/** Puts a policy that was kept into the request that keeps it again, or keeps it with something changed. */
export function requestOf(policy: Policy, change: Partial<PolicyRequest> = {}): PolicyRequest {
  const { namespace, pvc, interval_hours, schedule, driver, enabled, keep } = policy;
  return { namespace, pvc, enabled, ...(interval_hours && { interval_hours }), ...(schedule && { schedule }), ...(driver && { driver }), ...(keep && { keep }), ...change };
}
