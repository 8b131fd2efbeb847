import { useQuery } from '@tanstack/react-query';
import { Navigate, useNavigate } from '@tanstack/react-router';
import { planNamespaceRestore, restoreNamespace } from '@/api/actions';
import type { Begun } from '@/api/client';
import { inventoryQuery } from '@/api/queries';
import type { Inventory, NamespaceRestore as Outcome, NamespaceRestoreRequest } from '@/api/types';
import { countResults } from '@/parts/BatchResults';
import { TextField, errorAt } from '@/parts/TextField';
import { useMessages } from '@/parts/toasts';
import { plural } from '@/words/size';
import { TimeChoice } from './BackupChoice';
import { contradictionOf, faultOfTime } from './choice';
import { NAMESPACE_LABELS, planInForm } from './labels';
import { Names, namesIn } from './Names';
import { SourceNamespace, TargetNamespace, type PartProps } from './NamespaceNames';
import { NamespacePlan } from './NamespacePlan';
import { NamespaceStarted } from './Started';
import { useRestoring } from './useRestoring';
import { defaultPrefix, freePrefix, namespaceRequest, startOf, withOrphans } from './wish';
import { WishForm } from './WishForm';
import type { WishProps } from './wishProps';

/** The form that brings a namespace back, its plan claim by claim, and what became of each. */
export function NamespaceRestore(props: WishProps) {
  const { kept } = props;
  const { data: inventory } = useQuery(inventoryQuery);
  const prefix = defaultPrefix(kept, inventory);
  const request = namespaceRequest(kept, withOrphans(kept, inventory), prefix);
  const messages = useMessages();
  const navigate = useNavigate();
  const onBegun = (begun: Begun<Outcome>, stays: boolean) => {
    if (!stays) messages.say({ tone: 'busy', title: `The restore of ${kept.namespace} goes on`, follow: { label: 'See how far it is', go: () => void navigate(placeOf(begun)) } });
  };
  const { plan, outcome, again, start, change, ...state } = useRestoring(props, request, { labels: NAMESPACE_LABELS, ask: planOf, begin: restoreNamespace, onBegun });
  if (outcome && 'batch' in outcome) return <Navigate to="/batches/$id" params={{ id: outcome.batch.id }} />;
  if (outcome) return <NamespaceStarted outcome={outcome.outcome} again={again} />;
  const count = plan ? countResults(plan, 'would_start') : 0;
  const unmet = faultOfTime(kept) ?? (plan ? contradictionOf(kept, plan.results.flatMap(({ taken_at }) => taken_at ?? [])) : null);
  const homeless = Boolean(plan?.target_missing && (!kept.make || plan.make_refused));
  return (
    <WishForm
      {...state}
      fields={<NamespaceFields {...props} prefix={prefix} change={change} failure={state.failure} inventory={inventory} unmet={props.settled ? (unmet ?? errorAt(state.failure, 'as_of')) : null} />}
      thing="a namespace"
      named={Boolean(kept.namespace)}
      unmet={unmet}
      plan={plan && <NamespacePlan plan={plan} make={props.draft.make ?? false} free={freePrefix(plan, namesIn(inventory))} change={change} again={state.recheck} />}
      verb={verbOf(count, plan?.results.length ?? 0)}
      ready={state.ready && count > 0 && unmet === null && !homeless}
      held={homeless ? 'The target namespace does not exist: see above.' : undefined}
      onStart={() => request && plan && start(startOf(request, plan))}
    />
  );
}

const planOf = (request: NamespaceRestoreRequest) => planNamespaceRestore(request).then(planInForm);

/** Where one sees how a restore goes on. */
function placeOf(begun: Begun<Outcome>) {
  return 'batch' in begun ? ({ to: '/batches/$id', params: { id: begun.batch.id } } as const) : ({ to: '/restores' } as const);
}

function verbOf(count: number, all: number): string {
  if (count === 0) return 'Restore';
  return count === all ? `Restore ${plural(count, 'claim')}` : `Restore ${count} of ${plural(all, 'claim')}`;
}

interface FieldsProps extends PartProps {
  inventory: Inventory | undefined;
  /** What begins the new names unless it is said. */
  prefix: string;
  /** Why the time that is wished for is of no use. */
  unmet: string | null;
}

function NamespaceFields({ inventory, prefix, unmet, ...part }: FieldsProps) {
  const { draft, change, failure } = part;
  const orphans = inventory?.orphans.filter(({ namespace }) => namespace === draft.namespace).length ?? 0;
  return (
    <section className="panel" aria-labelledby="source">
      <h2 id="source">From and to</h2>
      <div className="fields">
        <SourceNamespace {...part} />
        <TargetNamespace {...part} hint="Empty: the same." />
        <TextField
          label={NAMESPACE_LABELS.target_prefix}
          value={draft.prefix ?? ''}
          onChange={(typed) => change({ prefix: typed || undefined })}
          placeholder={prefix}
          autoComplete="off"
          hint={prefix ? `Empty: ${prefix}, since claims of these names exist.` : 'Empty: the claims’ own names.'}
          error={errorAt(failure, 'target_prefix') ?? errorAt(failure, 'target_pvc')}
        />
        <TimeChoice asOf={draft.asOf} unmet={unmet} onChange={(asOf) => change({ asOf })} />
      </div>
      <label className="check">
        <input type="checkbox" checked={withOrphans(draft, inventory)} onChange={(event) => change({ orphans: event.target.checked })} />
        {NAMESPACE_LABELS.include_orphans}
        {orphans > 0 && `, of which ${plural(orphans, 'is', 'are')} known`}
      </label>
      <Names id="namespaces" names={namesIn(inventory).namespaces} />
    </section>
  );
}
