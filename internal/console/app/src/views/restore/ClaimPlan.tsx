import type { RestoreStarted } from '@/api/types';
import { Moment } from '@/parts/Age';

/** What a restore would do, as the API says it would. */
export function ClaimPlan({ plan }: { plan: RestoreStarted }) {
  return (
    <>
      <p>
        The claim{' '}
        <strong className="mono">
          {plan.target_namespace}/{plan.target_pvc}
        </strong>{' '}
        will be made, and filled from the {plan.driver} backup <span className="mono">{plan.backup}</span> of{' '}
        <span className="mono">
          {plan.namespace}/{plan.pvc}
        </span>
        .
      </p>
      <dl className="facts">
        <div>
          <dt>Taken</dt>
          <dd>
            <Moment time={plan.taken_at} />
          </dd>
        </div>
        <div>
          <dt>Size of the claim</dt>
          <dd>{plan.size}</dd>
        </div>
        <div>
          <dt>Storage class</dt>
          <dd>{plan.storage_class || 'the cluster’s default'}</dd>
        </div>
        <div>
          <dt>Volume mode</dt>
          <dd>{plan.volume_mode}</dd>
        </div>
        <div>
          <dt>Asked for by</dt>
          <dd>{plan.requested_by}</dd>
        </div>
      </dl>
    </>
  );
}
