import type { Backup, RestoreStarted } from '@/api/types';
import { Due, Moment } from '@/parts/Age';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { Notes, Remarks } from '@/parts/Remarks';
import type { Wording } from '@/words/health';
import { warningsOn } from '@/words/remarks';

/** What a restore would do, as the API says it would. `backups` are those of the claim that are known. */
export function ClaimPlan({ plan, backups }: { plan: RestoreStarted; backups: readonly Backup[] }) {
  const backup = backups.find(({ driver, id }) => driver === plan.driver && id === plan.backup);
  return (
    <>
      <Concerns remarks={backup ? warningsOn(backup) : []} notes={plan.notes ?? []} />
      <p>
        The claim{' '}
        <strong className="mono">
          {plan.target_namespace}/{plan.target_pvc}
        </strong>{' '}
        will be made, and filled from the {plan.driver} backup <Id id={plan.backup} /> of{' '}
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
        {plan.copy && (
          <div>
            <dt>To look at only</dt>
            <dd>{plan.expires_at ? <>removed by itself <Due time={plan.expires_at} /></> : 'until it is removed'}</dd>
          </div>
        )}
        <div>
          <dt>Asked for by</dt>
          <dd>{plan.requested_by}</dd>
        </div>
      </dl>
    </>
  );
}

function Concerns({ remarks, notes }: { remarks: readonly Wording[]; notes: readonly string[] }) {
  if (remarks.length + notes.length === 0) return null;
  return (
    <Notice tone="warn" title="Look at this before you restore">
      {remarks.length > 0 && <Remarks remarks={remarks} />}
      {notes.length > 0 && <Notes notes={notes} />}
    </Notice>
  );
}
