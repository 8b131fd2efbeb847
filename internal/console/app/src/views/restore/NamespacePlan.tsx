import type { NamespaceRestore } from '@/api/types';
import { Age } from '@/parts/Age';
import { BatchResults } from '@/parts/BatchResults';
import { Command, Settle } from '@/parts/Command';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { plural } from '@/words/size';
import { NAMESPACE_LABELS } from './labels';
import type { Wish } from './wish';

interface Props {
  plan: NamespaceRestore;
  /** Whether Soteria is to make the target namespace. */
  make: boolean;
  /** A prefix under which no claim is taken; null where there is none to offer. */
  free: string | null;
  change: (change: Partial<Wish>) => void;
  /** Asks again what would be restored. */
  again: () => void;
}

/** What would become of each claim of a namespace, and what is in the way. */
export function NamespacePlan({ plan, make, free, change, again }: Props) {
  return (
    <>
      <InTheWay plan={plan} free={free} change={change} />
      {plan.target_missing && <MakeTarget plan={plan} make={make} change={change} again={again} />}
      {plan.warnings?.map((warning) => (
        <Notice key={warning} tone="unknown" title="There may be more claims than these">
          {warning}
        </Notice>
      ))}
      <LeftOut orphans={plan.orphans ?? []} change={change} />
      {plan.results.length === 0 ? (
        <p className="muted">There is no claim to restore. Claims that are gone need “{NAMESPACE_LABELS.include_orphans}”.</p>
      ) : (
        <BatchResults
          label="What would become of each claim"
          namespace={plan.namespace}
          targetNamespace={plan.target_namespace}
          results={plan.results.map(({ backup, taken_at, ...result }) => ({ ...result, detail: backup && <From backup={backup} takenAt={taken_at} /> }))}
        />
      )}
    </>
  );
}

function From({ backup, takenAt }: { backup: string; takenAt: string | null | undefined }) {
  return (
    <>
      from backup <Id id={backup} />
      {takenAt && (
        <>
          , taken <Age time={takenAt} />
        </>
      )}
    </>
  );
}

/** Why nothing would be started; where names are taken, with names that are free. */
function InTheWay({ plan, free, change }: Pick<Props, 'plan' | 'free' | 'change'>) {
  if (!plan.error) return null;
  return (
    <Notice
      tone="bad"
      title={plan.title ?? 'Nothing would be started'}
      urgent
      action={
        free !== null && (
          <button type="button" onClick={() => change({ prefix: free })}>
            Use the prefix {free}
          </button>
        )
      }
    >
      <p>{plan.error}</p>
      {free !== null && <p>The claims that exist stay as they are. Under the prefix {free} every new name is free.</p>}
      <Settle command={plan.settle} />
    </Notice>
  );
}

/** What to do about a target namespace that does not exist. */
function MakeTarget({ plan, make, change, again }: Omit<Props, 'free'>) {
  return (
    <Notice
      tone="warn"
      title={`Namespace ${plan.target_namespace} does not exist`}
      action={
        <button type="button" onClick={again}>
          Look again
        </button>
      }
    >
      <p>Its backups are there, and the claims below come back once the namespace does. Make it from Git as it was, where it is kept there, or:</p>
      {plan.make_target && <Command command={plan.make_target} label="Make it yourself:" />}
      <label className="check">
        <input type="checkbox" checked={make && !plan.make_refused} disabled={Boolean(plan.make_refused)} aria-describedby={plan.make_refused ? 'make-refused' : undefined} onChange={(event) => change({ make: event.target.checked || undefined })} />
        {NAMESPACE_LABELS.create_namespace}, without labels
      </label>
      {plan.make_refused && (
        <p id="make-refused" className="hint">
          Soteria cannot: {plan.make_refused.error}
        </p>
      )}
    </Notice>
  );
}

function LeftOut({ orphans, change }: { orphans: string[]; change: Props['change'] }) {
  if (orphans.length === 0) return null;
  return (
    <Notice
      tone="idle"
      title={`${plural(orphans.length, 'claim that exists only as backups is', 'claims that exist only as backups are')} left out`}
      action={
        <button type="button" onClick={() => change({ orphans: true })}>
          Restore them, too
        </button>
      }
    >
      {orphans.join(', ')}
    </Notice>
  );
}
