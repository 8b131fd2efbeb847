import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { restore } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { backupsQuery, inventoryQuery } from '@/api/queries';
import type { Backups, RestoreRequest, RestoreStarted } from '@/api/types';
import { Choice, TextField, errorAt } from '@/parts/TextField';
import { EXPIRIES } from '@/words/copy';
import { BackupChoice } from './BackupChoice';
import { contradictionOf, faultOfTime } from './choice';
import { ClaimPlan } from './ClaimPlan';
import { CLAIM_LABELS } from './labels';
import { Names, namesIn } from './Names';
import { SourceNamespace, TargetNamespace, type PartProps } from './NamespaceNames';
import { ClaimStarted } from './Started';
import { useRestoring } from './useRestoring';
import { claimRequest, freeTarget, nextName } from './wish';
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
  const { plan, start, again, change, ...state } = useRestoring(props, asked, { labels: CLAIM_LABELS, ask: (request: RestoreRequest) => planOf(request, kept.as === undefined), begin: restore, onBegun });
  if (kept.started && kept.as) {
    const target = { namespace: kept.to ?? kept.namespace ?? '', pvc: kept.as };
    return <ClaimStarted target={target} restore={kept.started} copy={kept.look ?? false} again={() => { again(); props.change({ as: undefined, started: undefined }); }} />;
  }
  const unmet = faultOfTime(kept) ?? (plan ? contradictionOf(kept, [plan.taken_at]) : null);
  const part: PartProps = { ...props, change, failure: state.failure };
  return (
    <WishForm
      {...state}
      fields={
        <>
          <Source {...part} backups={backups} found={plan?.taken_at} unmet={unmet} />
          <Target {...part} name={draft.pvc === kept.pvc ? (plan && props.settled && kept.as === undefined ? plan.target_pvc : free) : undefined} />
        </>
      }
      thing="a claim"
      named={named}
      unmet={unmet}
      plan={plan && <ClaimPlan plan={plan} backups={backups.data?.backups ?? []} />}
      verb="Restore to the new claim"
      ready={state.ready && unmet === null}
      // What the plan shows is what is restored: its backup, though a newer one may come meanwhile, to its new name.
      onStart={() => asked && plan && start({ ...asked, snapshot: plan.backup, target_pvc: plan.target_pvc })}
    />
  );
}

/** How many names are tried that the inventory does not know to be taken. */
const TRIED = 10;

/** Asks what a restore would do. Where `counting`, a name that turns out to be taken is counted up: the inventory may not know it yet. */
async function planOf(request: RestoreRequest, counting: boolean, tried = 1): Promise<RestoreStarted> {
  try {
    return await restore({ ...request, dry_run: true });
  } catch (cause) {
    if (!counting || tried === TRIED || !request.target_pvc || failureOf(cause).reason !== 'target_exists') throw cause;
    return planOf({ ...request, target_pvc: nextName(request.target_pvc) }, counting, tried + 1);
  }
}

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
          label={CLAIM_LABELS.pvc}
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
          label={CLAIM_LABELS.target_pvc}
          value={draft.as ?? ''}
          onChange={(as) => change({ as: as || undefined })}
          placeholder={name}
          autoComplete="off"
          hint={name ? `Empty: ${name}, which is free. It must not exist.` : 'It must not exist.'}
          error={errorAt(failure, 'target_pvc')}
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={draft.look ?? false} onChange={(event) => change({ look: event.target.checked || undefined, expires: undefined })} />
        To look at only: policies do not back it up, and it is not counted
      </label>
      {draft.look && <RemoveAfter expires={draft.expires ?? ''} onChange={(expires) => change({ expires: expires || undefined })} error={errorAt(failure, 'expires')} />}
      <details open={Boolean(draft.storageClass ?? draft.size) || failure?.field === 'storage_class' || failure?.field === 'size'}>
        <summary>Another class or size</summary>
        <div className="fields">
          <TextField
            label={CLAIM_LABELS.storage_class}
            value={draft.storageClass ?? ''}
            onChange={(storageClass) => change({ storageClass: storageClass || undefined })}
            autoComplete="off"
            hint="Empty: as the claim had."
            error={errorAt(failure, 'storage_class')}
          />
          <TextField
            label={CLAIM_LABELS.size}
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

/** The choice of when a copy is removed by itself. One that the address names is among them. */
function RemoveAfter({ expires, onChange, error }: { expires: string; onChange: (expires: string) => void; error: string | null }) {
  const others = EXPIRIES.some(({ value }) => value === expires) ? [] : [{ value: expires, label: expires }];
  return (
    <div className="fields">
      <Choice label={CLAIM_LABELS.expires} value={expires} options={[...EXPIRIES, ...others]} onChange={onChange} error={error} />
    </div>
  );
}
