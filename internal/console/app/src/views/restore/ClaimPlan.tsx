import type { ApiError } from '@/api/errors';
import type { RestoreStarted } from '@/api/types';
import { Moment } from '@/parts/Age';
import { Notice } from '@/parts/Notice';

/** What a restore would do, as the API says it would. */
export function ClaimPlan({ plan, checking }: { plan: RestoreStarted; checking: boolean }) {
  return (
    <div aria-busy={checking} className={checking ? 'checking' : undefined}>
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
    </div>
  );
}

const TITLES: Record<string, string> = {
  conflict: 'The target is taken',
  not_found: 'There is nothing to restore',
  invalid: 'This cannot be asked for',
  unprocessable: 'This cannot be done',
  denied: 'You are not allowed to do this',
  unauthenticated: 'You are signed out',
};

/** Why a restore cannot be, in the API's own words. */
export function Unfit({ error }: { error: ApiError }) {
  return (
    <Notice tone={error.passing ? 'unknown' : 'bad'} title={TITLES[error.code] ?? 'It could not be told what would be restored'} urgent>
      {error.message}
    </Notice>
  );
}
