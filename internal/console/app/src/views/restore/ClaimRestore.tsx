import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { restore, type ClaimRestoring } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { backupsQuery, inventoryQuery } from '@/api/queries';
import type { Backups, RestoreStarted } from '@/api/types';
import { TextField, errorAt } from '@/parts/TextField';
import { BackupChoice } from './BackupChoice';
import { contradictionOf, faultOfTime } from './choice';
import { ClaimPlan } from './ClaimPlan';
import { Names, namesIn } from './Names';
import { SourceNamespace, TargetNamespace, type PartProps } from './NamespaceNames';
import { ClaimStarted } from './Started';
import { useRestoring } from './useRestoring';
import { claimRequest, freeTarget } from './wish';
import { WishForm } from './WishForm';
import type { WishProps } from './wishProps';

/** How many backups there are to choose from; older ones are found on the claim's page, and as of a time. */
const OFFERED = 200;

/** The form that brings one claim back, its plan, and what became of it. */
export function ClaimRestore(props: WishProps) {
  const { kept, draft } = props;
  const { data: inventory } = useQuery(inventoryQuery);
  const named = Boolean(kept.namespace && kept.pvc);
  const backups = useQuery({ ...backupsQuery({ namespace: kept.namespace ?? '', pvc: kept.pvc ?? '' }, OFFERED), enabled: named });
  const free = freeTarget(kept, namesIn(inventory));
  const asked = kept.started ? null : claimRequest(kept, free);
  const onBegun = ({ restore: started, target_pvc }: RestoreStarted, stays: boolean) => {
    if (stays) props.change({ as: target_pvc, started });
  };
  const { plan, start, again, change, ...state } = useRestoring(props, asked, { ask: planOf, begin: restore, onBegun });
  if (kept.started && kept.as) {
    const target = { namespace: kept.to ?? kept.namespace ?? '', pvc: kept.as };
    return <ClaimStarted target={target} restore={kept.started} again={() => { again(); props.change({ as: undefined, started: undefined }); }} />;
  }
  const unmet = faultOfTime(kept) ?? (plan ? contradictionOf(kept, [plan.taken_at]) : null);
  const part: PartProps = { ...props, change, failure: state.failure };
  return (
    <WishForm
      {...state}
      fields={
        <>
          <Source {...part} backups={backups} found={plan?.taken_at} unmet={unmet} />
          <Target {...part} name={draft.pvc === kept.pvc ? free : undefined} />
        </>
      }
      thing="a claim"
      named={named}
      unmet={unmet}
      plan={plan && <ClaimPlan plan={plan} backups={backups.data?.backups ?? []} />}
      verb="Restore to the new claim"
      ready={state.ready && unmet === null}
      // The backup that the plan shows is the one that is restored, though a newer one may come meanwhile.
      onStart={() => asked && plan && start({ ...asked, request: { ...asked.request, snapshot: plan.backup } })}
    />
  );
}

const planOf = ({ request, look }: ClaimRestoring) => restore({ request: { ...request, dry_run: true }, look });

interface SourceProps extends PartProps {
  backups: UseQueryResult<Backups>;
  /** When the backup was taken that the plan shows. */
  found: string | undefined;
  /** Why no backup can be chosen. */
  unmet: string | null;
}

function Source({ backups, found, unmet, ...part }: SourceProps) {
  const { draft, kept, settled, change, failure } = part;
  const { data: inventory } = useQuery(inventoryQuery);
  const names = namesIn(inventory);
  const unlisted = backups.error && !backups.data ? failureOf(backups.error).message : null;
  return (
    <section className="panel" aria-labelledby="source">
      <h2 id="source">From</h2>
      <div className="fields">
        <SourceNamespace {...part} />
        <TextField
          label="Claim"
          value={draft.pvc ?? ''}
          onChange={(pvc) => change({ pvc: pvc || undefined, snapshot: undefined })}
          list="claims"
          autoComplete="off"
          required
          hint="One that exists only as backups will do, too."
          error={errorAt(failure, 'pvc')}
        />
      </div>
      <Names id="namespaces" names={names.namespaces} />
      <Names id="claims" names={names.claims(draft.namespace)} />
      {kept.namespace && kept.pvc && (
        <BackupChoice
          wish={draft}
          data={backups.data}
          found={settled ? found : undefined}
          unmet={settled ? (unmet ?? errorAt(failure, 'as_of')) : null}
          onChange={change}
          error={errorAt(failure, 'snapshot') ?? unlisted}
        />
      )}
    </section>
  );
}

function Target({ name = '', ...part }: PartProps & { name: string | undefined }) {
  const { draft, change, failure } = part;
  return (
    <section className="panel" aria-labelledby="target">
      <h2 id="target">To</h2>
      <div className="fields">
        <TargetNamespace {...part} hint="Empty: the same namespace." />
        <TextField
          label="Name of the new claim"
          value={draft.as ?? ''}
          onChange={(as) => change({ as: as || undefined })}
          placeholder={name}
          autoComplete="off"
          hint={name ? `Empty: ${name}, which is free. It must not exist.` : 'It must not exist.'}
          error={errorAt(failure, 'target_pvc')}
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={draft.look ?? false} onChange={(event) => change({ look: event.target.checked || undefined })} />
        To look at only: policies do not back it up, and it is not counted
      </label>
      <details open={Boolean(draft.storageClass ?? draft.size)}>
        <summary>Another class or size</summary>
        <div className="fields">
          <TextField
            label="Storage class"
            value={draft.storageClass ?? ''}
            onChange={(storageClass) => change({ storageClass: storageClass || undefined })}
            autoComplete="off"
            hint="Empty: as the claim had."
            error={errorAt(failure, 'storage_class')}
          />
          <TextField
            label="Size"
            value={draft.size ?? ''}
            onChange={(size) => change({ size: size || undefined })}
            placeholder="10Gi"
            autoComplete="off"
            hint="Empty: as the claim had."
            error={errorAt(failure, 'size')}
          />
        </div>
      </details>
    </section>
  );
}
