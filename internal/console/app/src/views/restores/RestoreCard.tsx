import type { Restore } from '@/api/types';
import { Age, Due, Moment } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { Progress } from '@/parts/Progress';
import { Shape, State } from '@/parts/State';
import { Told } from '@/parts/Told';
import { durationInWords } from '@/words/age';
import { PHASES, isMoving, phaseInWords, standingOf, stepOf } from '@/words/phase';
import type { Pace } from '@/words/rate';
import { STALLED, stallOf } from '@/words/stall';
import { bytesInWords, countInWords } from '@/words/size';

/** A restore that is under way: where it is, how fast, and what it says. */
export function RestoreCard({ restore, pace }: { restore: Restore; pace: Pace }) {
  return (
    <article className="card">
      <header className="card-head">
        <h3>
          <ClaimLink namespace={restore.namespace} pvc={restore.pvc || restore.name} />
        </h3>
        <State wording={standingOf(restore)} />
      </header>
      {isMoving(restore) && <Steps phase={restore.phase} />}
      <Progress restore={restore} />
      {restore.progress && <Figures progress={restore.progress} pace={pace} />}
      <Stalled restore={restore} />
      {restore.message !== stallOf(restore)?.message && <p><Told text={restore.message} /></p>}
      <p className="muted">
        {restore.backup && (
          <>
            From the {restore.backup.driver} backup <Id id={restore.backup.id} />, taken <Age time={restore.backup.taken_at} />.{' '}
          </>
        )}
        Asked for <Age time={restore.created_at} />
        {restore.attempt > 1 && <>; attempt {restore.attempt}</>}
        {restore.retry_at && (
          <>
            ; the next try is <Due time={restore.retry_at} />
          </>
        )}
        .
      </p>
      <Details restore={restore} />
    </article>
  );
}

function Stalled({ restore }: { restore: Restore }) {
  const stall = stallOf(restore);
  if (!stall) return null;
  return (
    <Notice tone="warn" title={stall.title}>
      <p>{stall.message}</p>
      <p className="muted">
        So since <Moment time={stall.since} />.
      </p>
    </Notice>
  );
}

function Steps({ phase }: { phase: string }) {
  const at = stepOf(phase);
  return (
    <ol className="steps" aria-label="Phases">
      {PHASES.map((each, index) => (
        <li key={each} data-step={index < at ? 'done' : index === at ? 'now' : 'ahead'} aria-current={index === at ? 'step' : undefined}>
          {phaseInWords({ phase: each, retry_at: null }).label}
        </li>
      ))}
    </ol>
  );
}

function Figures({ progress, pace }: { progress: NonNullable<Restore['progress']>; pace: Pace }) {
  return (
    <p className="figures">
      <span>
        {bytesInWords(progress.bytes_done)}
        {progress.bytes_total > 0 && ` of ${bytesInWords(progress.bytes_total)}`}
      </span>
      {progress.files_total > 0 && (
        <span>
          {countInWords(progress.files_done)} of {countInWords(progress.files_total)} files
        </span>
      )}
      {pace.bytesPerSecond !== null && <span>{bytesInWords(Math.round(pace.bytesPerSecond))}/s</span>}
      {pace.left !== null && <span>about {durationInWords(pace.left)} left</span>}
    </p>
  );
}

function Details({ restore }: { restore: Restore }) {
  const conditions = restore.conditions.filter(({ type }) => type !== STALLED);
  if (conditions.length === 0 && !restore.evidence) return null;
  return (
    <details>
      <summary>Step by step</summary>
      <ul className="conditions">
        {conditions.map((condition) => (
          <li key={condition.type}>
            <Shape tone={condition.met ? 'ok' : 'idle'} />
            <span>
              <strong>{condition.type}</strong> {condition.met ? 'since' : 'not yet, since'} <Moment time={condition.since} />
              <br />
              {condition.reason}
              {condition.message !== restore.message && (
                <>
                  : <Told text={condition.message} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
      {restore.evidence && <p className="muted">The choice of the backup rests on: <Told text={restore.evidence} /></p>}
    </details>
  );
}
