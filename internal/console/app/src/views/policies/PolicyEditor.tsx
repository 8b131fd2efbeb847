import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keepPolicy } from '@/api/actions';
import { failureOf, inForm, type ApiError } from '@/api/errors';
import { inventoryQuery, policiesQuery } from '@/api/queries';
import type { Inventory } from '@/api/types';
import { Dialog } from '@/parts/Dialog';
import { Notice } from '@/parts/Notice';
import { Choice, TextField, errorAt } from '@/parts/TextField';
import { useNow } from '@/parts/now';
import { useMessages } from '@/parts/toasts';
import { KEEP_COUNTS, isKeptHere, keepInWords, targetInWords, timingInWords } from '@/words/policy';
import { undoneInWords } from '@/words/refusal';
import { Names, namesIn } from '../restore/Names';
import { policyRequest, type PolicyForm } from './form';
import { nearestName } from './near';
import { Preview, usePreview } from './Preview';
import { ScheduleField } from './ScheduleField';

/** What is being edited. */
export interface Editing {
  title: string;
  form: PolicyForm;
  /** Whether the policy exists, so that its target, from which its id follows, stays. */
  targetFixed: boolean;
}

type Change = (change: Partial<PolicyForm>) => void;

interface PartProps {
  form: PolicyForm;
  change: Change;
  failure: ApiError | null;
}

/** What the fields of a policy are called, by their names in the API. */
const LABELS = { interval_hours: 'Hours' };

/** Whether the form has a place for the field at fault as it is filled in now; faults of others are shown above it. */
function hasPlace({ field }: ApiError, { timing }: PolicyForm): boolean {
  const places = ['namespace', 'pvc', timing === 'interval' ? 'interval_hours' : 'schedule', 'driver', 'keep'];
  return places.some((place) => field === place || field?.startsWith(`${place}.`));
}

/** Makes a policy, or changes one. */
export function PolicyEditor({ editing, onClose }: { editing: Editing; onClose: () => void }) {
  const [form, setForm] = useState(editing.form);
  const client = useQueryClient();
  const messages = useMessages();
  const keep = useMutation({
    mutationFn: keepPolicy,
    onSuccess: async (policy) => {
      messages.say({ tone: 'ok', title: 'The policy is kept', detail: targetInWords(policy) });
      onClose();
      await Promise.all([client.invalidateQueries(policiesQuery), client.invalidateQueries(inventoryQuery)]);
    },
  });
  const [anyway, setAnyway] = useState(editing.targetFixed);
  const previewed = usePreview(policyRequest(form));
  const { data: inventory } = useQuery(inventoryQuery);
  const failure = keep.error && inForm(failureOf(keep.error), LABELS);
  const props: PartProps = { form, failure, change: (change) => setForm((before) => ({ ...before, ...change })) };
  const meant = meantBy(form, inventory, props.change);
  return (
    <Dialog open onClose={onClose} title={editing.title}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate(policyRequest(form));
        }}
      >
        {failure && !hasPlace(failure, form) && (
          <Notice tone="bad" title={undoneInWords(failure, 'The policy was not kept', 'Whether the policy was kept is not known')} urgent>
            {failure.message}
          </Notice>
        )}
        <Target {...props} fixed={editing.targetFixed} />
        {!editing.targetFixed && <Replaces form={form} />}
        <Preview previewed={previewed} meant={meant} anyway={anyway} onAnyway={setAnyway} />
        <When {...props} />
        <KeepFields {...props} />
        <label className="check">
          <input type="checkbox" checked={form.enabled} onChange={(event) => props.change({ enabled: event.target.checked })} />
          On: backups are taken when they are due
        </label>
        <div className="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={keep.isPending || !previewed.ready || (previewed.idle && !anyway)}>
            {keep.isPending ? 'Keeping…' : 'Keep the policy'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The name of a namespace or claim that is known and near to what was typed, which is not. */
function meantBy({ namespace, pvc }: PolicyForm, inventory: Inventory | undefined, change: Change) {
  const names = namesIn(inventory);
  const known = names.namespaces.includes(namespace);
  const name = known ? nearestName(pvc, names.claims(namespace)) : nearestName(namespace, names.namespaces);
  return name === null ? null : { name, take: () => change(known ? { pvc: name } : { namespace: name }) };
}

function Target({ form, change, failure, fixed }: PartProps & { fixed: boolean }) {
  const { data: inventory } = useQuery(inventoryQuery);
  const names = namesIn(inventory);
  return (
    <div className="fields">
      <TextField
        label="Namespace"
        value={form.namespace}
        onChange={(namespace) => change({ namespace })}
        readOnly={fixed}
        list="policy-namespaces"
        autoComplete="off"
        required
        error={errorAt(failure, 'namespace')}
      />
      <TextField
        label="Claim"
        value={form.pvc}
        onChange={(pvc) => change({ pvc })}
        readOnly={fixed}
        list="policy-claims"
        autoComplete="off"
        hint="Empty: every claim of the namespace."
        error={errorAt(failure, 'pvc')}
      />
      <Names id="policy-namespaces" names={names.namespaces} />
      <Names id="policy-claims" names={names.claims(form.namespace)} />
    </div>
  );
}

/** Says so where a policy for the same target would be replaced. */
function Replaces({ form }: { form: PolicyForm }) {
  const now = useNow();
  const { data: policies } = useQuery(policiesQuery);
  const replaced = policies?.policies.find((policy) => isKeptHere(policy) && policy.namespace === form.namespace.trim() && policy.pvc === form.pvc.trim());
  if (!replaced) return null;
  return (
    <Notice tone="warn" title="There is a policy for this already">
      {timingInWords(replaced, now)}, keeps {keepInWords(replaced.keep)}. This one would take its place.
    </Notice>
  );
}

const TIMINGS = [
  { value: 'interval', label: 'Every so many hours' },
  { value: 'schedule', label: 'At times (cron)' },
] as const;

function When({ form, change, failure }: PartProps) {
  const { data: inventory } = useQuery(inventoryQuery);
  return (
    <div className="fields">
      <Choice label="When" value={form.timing} options={TIMINGS} onChange={(timing) => change({ timing })} />
      <TextField
        label="Driver"
        value={form.driver}
        onChange={(driver) => change({ driver })}
        list="policy-drivers"
        autoComplete="off"
        hint="Empty: the one that Soteria is set to."
        error={errorAt(failure, 'driver')}
      />
      <Names id="policy-drivers" names={inventory?.listings.map(({ driver }) => driver) ?? []} />
      {form.timing === 'interval' ? (
        <TextField
          label={LABELS.interval_hours}
          type="number"
          min={1}
          value={form.hours}
          onChange={(hours) => change({ hours })}
          required
          hint="No backup gets older than this; they begin up to a tenth of it early."
          error={errorAt(failure, 'interval_hours')}
        />
      ) : (
        <ScheduleField value={form.schedule} onChange={(schedule) => change({ schedule })} error={errorAt(failure, 'schedule')} />
      )}
    </div>
  );
}

function KeepFields({ form, change, failure }: PartProps) {
  const fault = failure?.field?.startsWith('keep') ? failure.message : null;
  return (
    <fieldset className="keep">
      <legend>How many backups stay</legend>
      <p className="hint">What any of these keeps stays. All empty: every backup stays.</p>
      <div className="fields fields-small">
        {KEEP_COUNTS.map((count) => (
          <TextField
            key={count}
            label={count}
            type="number"
            min={0}
            value={form.keep[count]}
            onChange={(value) => change({ keep: { ...form.keep, [count]: value } })}
            error={errorAt(failure, `keep.${count}`)}
          />
        ))}
      </div>
      {fault && (
        <p className="field-error" role="alert">
          {fault}
        </p>
      )}
    </fieldset>
  );
}
