import { useQuery } from '@tanstack/react-query';
import { restoreNamespace } from '@/api/actions';
import { inventoryQuery } from '@/api/queries';
import type { NamespaceRestore as Outcome } from '@/api/types';
import { BatchResults, countResults } from '@/parts/BatchResults';
import { Notice } from '@/parts/Notice';
import { TextField, errorAt } from '@/parts/TextField';
import { plural } from '@/words/size';
import { Names, namesIn } from './Names';
import { SourceNamespace, TargetNamespace, type PartProps } from './NamespaceNames';
import { NamespaceStarted } from './Started';
import { useRestoring } from './useRestoring';
import { namespaceRequest } from './wish';
import { WishForm } from './WishForm';
import type { WishProps } from './wishProps';

/** The form that brings a namespace back, its plan claim by claim, and what became of each. */
export function NamespaceRestore(props: WishProps) {
  const request = namespaceRequest(props.kept);
  const { plan, outcome, again, start, change, ...state } = useRestoring(props, request, restoreNamespace);
  if (outcome) return <NamespaceStarted outcome={outcome} again={again} />;
  const count = plan ? countResults(plan, 'would_start') : 0;
  return (
    <WishForm
      {...state}
      fields={<NamespaceFields {...props} change={change} failure={state.failure} />}
      thing="a namespace"
      named={request !== null}
      plan={plan && <NamespacePlan plan={plan} />}
      verb={count > 0 ? `Restore ${plural(count, 'claim')}` : 'Restore'}
      ready={state.ready && count > 0}
      onStart={() => request && start(request)}
    />
  );
}

function NamespaceFields(part: PartProps) {
  const { draft, change, failure } = part;
  const { data: inventory } = useQuery(inventoryQuery);
  const orphans = inventory?.orphans.filter(({ namespace }) => namespace === draft.namespace).length ?? 0;
  return (
    <section className="panel" aria-labelledby="source">
      <h2 id="source">From and to</h2>
      <div className="fields">
        <SourceNamespace {...part} />
        <TargetNamespace {...part} hint="Empty: the same. It must exist." />
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

function NamespacePlan({ plan }: { plan: Outcome }) {
  return (
    <>
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
    </>
  );
}
