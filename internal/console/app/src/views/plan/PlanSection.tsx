import type { Orphan, PlannedClaim } from '@/api/types';
import { Age } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Shape } from '@/parts/State';
import { utcTime } from '@/words/age';
import { OUTCOME_WORDS } from '@/words/outcome';
import { countInWords, plural, sizeInWords } from '@/words/size';
import type { Section } from './sections';
import { useAllWhilePrinting } from './printing';

/** How many claims of an outcome are shown at first; a print has all. */
const SHOWN = 200;

/** The claims of one outcome, and why. */
export function PlanSection({ section }: { section: Section }) {
  const { label, meaning, tone } = OUTCOME_WORDS[section.outcome];
  const [all, showAll] = useAllWhilePrinting();
  const shown = all ? section.claims : section.claims.slice(0, SHOWN);
  const restores = section.outcome === 'restore';
  return (
    <section aria-labelledby={section.outcome} className="plan-section">
      <h2 id={section.outcome}>
        <Shape tone={tone} /> {label} <span className="pill">{countInWords(section.claims.length)}</span>
      </h2>
      <p className="muted">{meaning}</p>
      <div className="table-scroll" tabIndex={0} role="group" aria-label={label}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Claim</th>
              <th scope="col">Protection</th>
              {restores && <th scope="col">From when</th>}
              {restores && <th scope="col">Size</th>}
              <th scope="col">{restores ? 'Backup' : 'Why'}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((claim) => (
              <PlannedRow key={`${claim.namespace}/${claim.pvc}`} claim={claim} restores={restores} />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < section.claims.length && (
        <button type="button" className="no-print" onClick={showAll}>
          Show all {plural(section.claims.length, 'claim')}
        </button>
      )}
    </section>
  );
}

function PlannedRow({ claim, restores }: { claim: PlannedClaim; restores: boolean }) {
  return (
    <tr>
      <th scope="row">
        <ClaimLink namespace={claim.namespace} pvc={claim.pvc} />
      </th>
      <td>{claim.protection}</td>
      {restores && <td>{claim.backup && <TakenAt time={claim.backup.taken_at} />}</td>}
      {restores && <td className="figure">{sizeInWords(claim.backup?.size_bytes)}</td>}
      <td>
        {restores && claim.backup ? <BackupName claim={claim} /> : claim.message}
        {claim.warning && (
          <span className="row-warning">
            <Shape tone="warn" /> {claim.warning}
          </span>
        )}
      </td>
    </tr>
  );
}

function BackupName({ claim }: { claim: PlannedClaim }) {
  const { backup } = claim;
  if (!backup) return null;
  const another = backup.namespace !== claim.namespace || backup.pvc !== claim.pvc;
  return (
    <>
      {backup.driver} <span className="mono">{backup.id}</span>
      {another && ` of ${backup.namespace}/${backup.pvc}`}
    </>
  );
}

/** Paper shows no exact time on hover, so that a plan has it beside the age. */
function TakenAt({ time }: { time: string }) {
  return (
    <>
      <Age time={time} /> <span className="muted print-only">{utcTime(new Date(time))}</span>
    </>
  );
}

/** The claims that exist only as backups, which nothing asks for. */
export function OrphanSection({ orphans }: { orphans: Orphan[] }) {
  const [all, showAll] = useAllWhilePrinting();
  if (orphans.length === 0) return null;
  const shown = all ? orphans : orphans.slice(0, SHOWN);
  return (
    <section aria-labelledby="orphans" className="plan-section">
      <h2 id="orphans">
        <Shape tone="idle" /> Only in backups <span className="pill">{countInWords(orphans.length)}</span>
      </h2>
      <p className="muted">No manifest asks for these claims now, so nothing would bring them back by itself.</p>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Only in backups">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Claim</th>
              <th scope="col">Newest backup</th>
              <th scope="col">Backups</th>
              <th scope="col">Driver</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((orphan) => (
              <tr key={`${orphan.namespace}/${orphan.pvc}`}>
                <th scope="row">
                  <ClaimLink namespace={orphan.namespace} pvc={orphan.pvc} />
                </th>
                <td>{orphan.last_backup_at && <TakenAt time={orphan.last_backup_at} />}</td>
                <td className="figure">{countInWords(orphan.backup_count)}</td>
                <td>{orphan.driver}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < orphans.length && (
        <button type="button" className="no-print" onClick={showAll}>
          Show all {plural(orphans.length, 'claim')}
        </button>
      )}
    </section>
  );
}
