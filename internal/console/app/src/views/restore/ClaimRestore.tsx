import { useQuery } from '@tanstack/react-query';
import { restore } from '@/api/actions';
import { backupsQuery, inventoryQuery } from '@/api/queries';
import { TextField, errorAt } from '@/parts/TextField';
import { BackupChoice, OFFERED } from './BackupChoice';
import { ClaimPlan } from './ClaimPlan';
import { Names, namesIn } from './Names';
import { SourceNamespace, TargetNamespace, type PartProps } from './NamespaceNames';
import { ClaimStarted } from './Started';
import { useRestoring } from './useRestoring';
import { claimRequest, defaultTarget } from './wish';
import { WishForm } from './WishForm';
import type { WishProps } from './wishProps';

/** The form that brings one claim back, its plan, and what became of it. */
export function ClaimRestore(props: WishProps) {
  const request = claimRequest(props.kept);
  const { data } = useQuery({ ...backupsQuery({ namespace: props.kept.namespace ?? '', pvc: props.kept.pvc ?? '' }, OFFERED), enabled: request !== null });
  const backups = data?.backups ?? [];
  const { plan, outcome, again, start, change, ...state } = useRestoring(props, request, restore);
  if (outcome) return <ClaimStarted started={outcome} again={again} />;
  const part: PartProps = { ...props, change, failure: state.failure };
  return (
    <WishForm
      {...state}
      fields={
        <>
          <Source {...part} />
          <Target {...part} />
        </>
      }
      thing="a claim"
      named={request !== null}
      plan={plan && <ClaimPlan plan={plan} backups={backups} />}
      verb="Restore to the new claim"
      // The backup that the plan shows is the one that is restored, though a newer one may come meanwhile.
      onStart={() => request && plan && start({ ...request, snapshot: plan.backup })}
    />
  );
}

function Source(part: PartProps) {
  const { draft, kept, change, failure } = part;
  const { data: inventory } = useQuery(inventoryQuery);
  const names = namesIn(inventory);
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
          claim={{ namespace: kept.namespace, pvc: kept.pvc }}
          snapshot={draft.snapshot}
          onChange={(snapshot) => change({ snapshot })}
          error={errorAt(failure, 'snapshot')}
        />
      )}
    </section>
  );
}

function Target(part: PartProps) {
  const { draft, change, failure } = part;
  const name = draft.pvc ? defaultTarget(draft.pvc) : '';
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
          hint={name ? `Empty: ${name}. It must not exist.` : 'It must not exist.'}
          error={errorAt(failure, 'target_pvc')}
        />
      </div>
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
