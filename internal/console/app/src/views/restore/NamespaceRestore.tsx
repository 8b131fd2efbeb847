import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { restoreNamespace } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { inventoryQuery } from '@/api/queries';
import type { NamespaceRestore as Outcome, NamespaceRestoreRequest } from '@/api/types';
import { BatchResults, countResults } from '@/parts/BatchResults';
import { Notice } from '@/parts/Notice';
import { TextField, errorAt } from '@/parts/TextField';
import { plural } from '@/words/size';
import { Unfit } from './ClaimPlan';
import { Names, namesIn } from './Names';
import { forgetting, type WishProps } from './wishProps';
import { NamespaceStarted } from './Started';
import { namespaceRequest } from './wish';

/** The form that brings a namespace back, its plan claim by claim, and what became of each. */
export function NamespaceRestore(props: WishProps) {
  const client = useQueryClient();
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const request = namespaceRequest(props.kept);
  const plan = usePlan(outcome ? null : request);
  const start = useMutation({
    mutationFn: (wanted: NamespaceRestoreRequest) => restoreNamespace(wanted),
    onSuccess: async (answer) => {
      setOutcome(answer);
      await client.invalidateQueries({ queryKey: ['restores'] });
    },
  });
  const fields: WishProps = { ...props, change: forgetting(start.reset, props.change) };
  if (outcome) return <NamespaceStarted outcome={outcome} again={() => setOutcome(null)} />;
  const error = start.error ?? plan.error;
  const failure = error && props.settled ? failureOf(error) : null;
  const count = plan.data ? countResults(plan.data, 'would_start') : 0;
  const checking = !props.settled || plan.isFetching;
  const ready = !checking && count > 0 && !start.isPending;
  return (
    <form
      className="restore"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && request) start.mutate(request);
      }}
    >
      <NamespaceFields {...fields} failure={failure} />
      <section className="panel" aria-labelledby="plan" aria-live="polite">
        <h2 id="plan">What will happen</h2>
        {!request && <p className="muted">Name a namespace to see what would be restored.</p>}
        {request && checking && !plan.data && !failure && <p className="muted">Asking what would be restored…</p>}
        {failure && <Unfit error={failure} />}
        {!failure && plan.data && <NamespacePlan plan={plan.data} checking={checking} />}
        <div className="dialog-actions">
          <button type="submit" className="primary" disabled={!ready}>
            {start.isPending ? 'Starting…' : count > 0 ? `Restore ${plural(count, 'claim')}` : 'Restore'}
          </button>
        </div>
      </section>
    </form>
  );
}

function usePlan(request: NamespaceRestoreRequest | null) {
  return useQuery({
    queryKey: ['restore-namespace-plan', request],
    queryFn: () => {
      if (!request) throw new Error('no namespace is named');
      return restoreNamespace({ ...request, dry_run: true });
    },
    enabled: request !== null,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  });
}

function NamespaceFields({ draft, change, failure }: WishProps & { failure: ReturnType<typeof failureOf> | null }) {
  const { data: inventory } = useQuery(inventoryQuery);
  const orphans = inventory?.orphans.filter(({ namespace }) => namespace === draft.namespace).length ?? 0;
  return (
    <section className="panel" aria-labelledby="source">
      <h2 id="source">From and to</h2>
      <div className="fields">
        <TextField
          label="Namespace"
          value={draft.namespace ?? ''}
          onChange={(namespace) => change({ namespace: namespace || undefined })}
          list="namespaces"
          autoComplete="off"
          required
          error={errorAt(failure, 'namespace')}
        />
        <TextField
          label="Target namespace"
          value={draft.to ?? ''}
          onChange={(to) => change({ to: to || undefined })}
          placeholder={draft.namespace}
          list="namespaces"
          autoComplete="off"
          hint="Empty: the same. It must exist."
          error={errorAt(failure, 'target_namespace')}
        />
        <TextField
          label="Prefix of the new names"
          value={draft.prefix ?? ''}
          onChange={(prefix) => change({ prefix: prefix || undefined })}
          placeholder="restored-"
          autoComplete="off"
          hint="Empty: the claims’ own names, for a namespace that was lost."
          error={errorAt(failure, 'target_prefix')}
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={draft.orphans ?? false} onChange={(event) => change({ orphans: event.target.checked || undefined })} />
        Also claims that exist only as backups{orphans > 0 && `, of which ${plural(orphans, 'is', 'are')} known`}
      </label>
      <Names id="namespaces" names={namesIn(inventory).namespaces} />
    </section>
  );
}

function NamespacePlan({ plan, checking }: { plan: Outcome; checking: boolean }) {
  return (
    <div aria-busy={checking} className={checking ? 'checking' : undefined}>
      {plan.error && (
        <Notice tone="bad" title="Nothing would be started" urgent>
          {plan.error}
        </Notice>
      )}
      {plan.warnings?.map((warning) => (
        <Notice key={warning} tone="unknown" title="There may be more claims than these">
          {warning}
        </Notice>
      ))}
      {plan.results.length === 0 ? (
        <p className="muted">There is no claim to restore. Claims that are gone need “Also claims that exist only as backups”.</p>
      ) : (
        <BatchResults
          label="What would become of each claim"
          namespace={plan.namespace}
          targetNamespace={plan.target_namespace}
          results={plan.results.map((result) => ({ ...result, detail: result.backup && `from backup ${result.backup}` }))}
        />
      )}
    </div>
  );
}
