import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { restore } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { inventoryQuery } from '@/api/queries';
import type { RestoreRequest, RestoreStarted } from '@/api/types';
import { TextField, errorAt } from '@/parts/TextField';
import { BackupChoice } from './BackupChoice';
import { ClaimPlan, Unfit } from './ClaimPlan';
import { Names, namesIn } from './Names';
import { forgetting, type WishProps } from './wishProps';
import { ClaimStarted } from './Started';
import { claimRequest, defaultTarget } from './wish';

/** The form that brings one claim back, its plan, and what became of it. */
export function ClaimRestore(props: WishProps) {
  const client = useQueryClient();
  const [started, setStarted] = useState<RestoreStarted | null>(null);
  const request = claimRequest(props.kept);
  const plan = usePlan(started ? null : request);
  const start = useMutation({
    mutationFn: (wanted: RestoreRequest) => restore(wanted),
    onSuccess: async (answer) => {
      setStarted(answer);
      await client.invalidateQueries({ queryKey: ['restores'] });
    },
  });
  const fields: WishProps = { ...props, change: forgetting(start.reset, props.change) };
  if (started) return <ClaimStarted started={started} again={() => setStarted(null)} />;
  const error = start.error ?? plan.error;
  const failure = error && props.settled ? failureOf(error) : null;
  const ready = props.settled && plan.isSuccess && !plan.isFetching && !start.isPending;
  return (
    <form
      className="restore"
      onSubmit={(event) => {
        event.preventDefault();
        // The backup that the plan shows is the one that is restored, though a newer one may come meanwhile.
        if (ready && request) start.mutate({ ...request, snapshot: plan.data.backup });
      }}
    >
      <Source {...fields} failure={failure} />
      <Target {...fields} failure={failure} />
      <section className="panel" aria-labelledby="plan" aria-live="polite">
        <h2 id="plan">What will happen</h2>
        {!request && <p className="muted">Name a claim to see what would be restored.</p>}
        {request && (!props.settled || plan.isFetching) && !plan.data && !failure && <p className="muted">Asking what would be restored…</p>}
        {failure && <Unfit error={failure} />}
        {!failure && plan.data && <ClaimPlan plan={plan.data} checking={!props.settled || plan.isFetching} />}
        <div className="dialog-actions">
          <button type="submit" className="primary" disabled={!ready}>
            {start.isPending ? 'Starting…' : 'Restore to the new claim'}
          </button>
        </div>
      </section>
    </form>
  );
}

function usePlan(request: RestoreRequest | null) {
  return useQuery({
    queryKey: ['restore-plan', request],
    queryFn: () => {
      if (!request) throw new Error('no claim is named');
      return restore({ ...request, dry_run: true });
    },
    enabled: request !== null,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  });
}

interface PartProps extends WishProps {
  failure: ReturnType<typeof failureOf> | null;
}

function Source({ draft, kept, change, failure }: PartProps) {
  const { data: inventory } = useQuery(inventoryQuery);
  const names = namesIn(inventory);
  return (
    <section className="panel" aria-labelledby="source">
      <h2 id="source">From</h2>
      <div className="fields">
        <TextField
          label="Namespace"
          value={draft.namespace ?? ''}
          onChange={(namespace) => change({ namespace: namespace || undefined, snapshot: undefined })}
          list="namespaces"
          autoComplete="off"
          required
          error={errorAt(failure, 'namespace')}
        />
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

function Target({ draft, change, failure }: PartProps) {
  const name = draft.pvc ? defaultTarget(draft.pvc) : '';
  return (
    <section className="panel" aria-labelledby="target">
      <h2 id="target">To</h2>
      <div className="fields">
        <TextField
          label="Target namespace"
          value={draft.to ?? ''}
          onChange={(to) => change({ to: to || undefined })}
          placeholder={draft.namespace}
          list="namespaces"
          autoComplete="off"
          hint="Empty: the same namespace."
          error={errorAt(failure, 'target_namespace')}
        />
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
