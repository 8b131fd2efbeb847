import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { restoresQuery } from '@/api/queries';
import type { ClaimName, NamespaceRestore, Restore } from '@/api/types';
import { Age } from '@/parts/Age';
import { BatchResults, type BatchResult } from '@/parts/BatchResults';
import { ClaimLink } from '@/parts/ClaimLink';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { Progress } from '@/parts/Progress';
import { State } from '@/parts/State';
import { Told } from '@/parts/Told';
import { isOver, phaseInWords, standingOf } from '@/words/phase';
import { plural } from '@/words/size';

interface ClaimProps {
  target: ClaimName;
  /** The name of the Restore. */
  restore: string;
  /** Whether the claim is to be looked at only. */
  copy: boolean;
  again: () => void;
}

/** What became of the restore of a claim. */
export function ClaimStarted({ target, restore: name, copy, again }: ClaimProps) {
  const { data } = useQuery(restoresQuery(target));
  const restore = data?.restores.find((each) => each.name === name);
  return (
    <section className="panel" aria-labelledby="started">
      <h2 id="started">{restore && isOver(restore) ? 'The data is back' : 'The restore was started'}</h2>
      <p>
        <ClaimLink {...target} /> is filled from{' '}
        {restore?.backup ? (
          <>
            the {restore.backup.driver} backup <Id id={restore.backup.id} />, taken <Age time={restore.backup.taken_at} />
          </>
        ) : (
          'its backup'
        )}
        .
      </p>
      <Line restore={restore} />
      {copy && <p className="muted">It is a copy to look at. It is removed on its page, or among the copies of all restores.</p>}
      <Next again={again} />
    </section>
  );
}

function Line({ restore }: { restore: Restore | undefined }) {
  if (!restore) return <p className="muted">It has not shown itself yet.</p>;
  return (
    <p role="status">
      <State wording={standingOf(restore)} /> <Progress restore={restore} /> <Told text={restore.message} />
    </p>
  );
}

/** What became of the restores of a namespace. */
export function NamespaceStarted({ outcome, again }: { outcome: NamespaceRestore; again: () => void }) {
  const { data } = useQuery(restoresQuery());
  const restores = new Map(data?.restores.filter(({ namespace }) => namespace === outcome.target_namespace).map((restore) => [restore.name, restore]));
  const started = outcome.results.filter(({ restore }) => restore);
  const back = started.filter(({ restore }) => restore && restores.get(restore)?.phase === 'Completed').length;
  return (
    <section className="panel" aria-labelledby="started">
      <h2 id="started">{started.length > 0 && back === started.length ? 'The data is back' : `${plural(started.length, 'restore was', 'restores were')} started`}</h2>
      {outcome.error && (
        <Notice tone="bad" title="Nothing was started" urgent>
          {outcome.error}
        </Notice>
      )}
      {started.length > 0 && (
        <p role="status">
          {back} of {plural(started.length, 'claim')} {back === 1 ? 'has its' : 'have their'} data back.
        </p>
      )}
      <BatchResults
        label="What became of each claim"
        namespace={outcome.namespace}
        targetNamespace={outcome.target_namespace}
        results={outcome.results.map((result) => ({ ...result, ...becameOf(result.restore ? restores.get(result.restore) : undefined) }))}
      />
      <Next again={again} />
    </section>
  );
}

/** What is told of a restore in the place of that it was started. */
function becameOf(restore: Restore | undefined): Partial<BatchResult> {
  if (!restore) return {};
  if (isOver(restore)) return { result: 'back' };
  if (restore.retry_at) return { result: 'retried', error: restore.message };
  const summary = restore.progress?.summary;
  return { detail: `${phaseInWords(restore).label}${summary ? `, ${summary}` : ''}` };
}

function Next({ again }: { again: () => void }) {
  return (
    <div className="dialog-actions">
      <button type="button" onClick={again}>
        Restore something else
      </button>
      <Link to="/restores" className="button primary">
        Watch all restores
      </Link>
    </div>
  );
}
