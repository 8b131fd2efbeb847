import type { ReactNode } from 'react';
import type { ClaimName, Orphan, PlannedClaim } from '@/api/types';
import { Age } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Id } from '@/parts/Id';
import { Shape } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { Told } from '@/parts/Told';
import { printedTime } from '@/words/age';
import { countInWords, sizeInWords } from '@/words/size';
import type { Section } from './sections';

/** How many claims of an outcome are shown at first; a print has all. */
const SHOWN = 200;

/** The claims of one outcome, and why. */
export function PlanSection({ section }: { section: Section }) {
  const { label, meaning, tone } = section.wording;
  return (
    <section aria-labelledby={section.id} className="plan-section">
      <h2 id={section.id}>
        <Shape tone={tone} /> {label} <span className="pill">{countInWords(section.claims.length)}</span>
      </h2>
      <p className="muted">{meaning}</p>
      <Table label={label} columns={section.outcome === 'restore' ? RESTORED : OTHERS} lines={section.claims} keyOf={nameOf} first={SHOWN} thing="claim" />
    </section>
  );
}

const nameOf = ({ namespace, pvc }: ClaimName) => `${namespace}/${pvc}`;

const CLAIM: Column<PlannedClaim>[] = [
  { label: 'Claim', names: true, cell: ({ namespace, pvc }) => <ClaimLink namespace={namespace} pvc={pvc} /> },
  { label: 'Protection', cell: ({ protection }) => protection },
];

const RESTORED: Column<PlannedClaim>[] = [
  ...CLAIM,
  { label: 'From when', cell: ({ backup }) => backup && <TakenAt time={backup.taken_at} /> },
  { label: 'Size', className: 'figure', cell: ({ backup }) => sizeInWords(backup?.size_bytes) },
  { label: 'Backup', cell: (claim) => <Why claim={claim}>{claim.backup ? <BackupName claim={claim} /> : <Told text={claim.message} />}</Why> },
];

const OTHERS: Column<PlannedClaim>[] = [...CLAIM, { label: 'Why', cell: (claim) => <Why claim={claim}><Told text={claim.message} /></Why> }];

function Why({ claim, children }: { claim: PlannedClaim; children: ReactNode }) {
  return (
    <>
      {children}
      {[claim.warning, claim.choice?.message, ...(claim.backup ? (claim.notes ?? []) : [])].filter(Boolean).map((words) => (
        <span key={words} className="row-warning">
          <Shape tone="warn" /> {words}
        </span>
      ))}
    </>
  );
}

function BackupName({ claim }: { claim: PlannedClaim }) {
  const { backup } = claim;
  if (!backup) return null;
  const another = backup.namespace !== claim.namespace || backup.pvc !== claim.pvc;
  return (
    <>
      {backup.driver} <Id id={backup.id} />
      {another && ` of ${backup.namespace}/${backup.pvc}`}
    </>
  );
}

/** Paper shows no exact time on hover, so that a plan has it beside the age. */
function TakenAt({ time }: { time: string }) {
  return (
    <>
      <Age time={time} /> <span className="muted print-only">{printedTime(new Date(time))}</span>
    </>
  );
}

/** The claims that exist only as backups, which nothing asks for. */
export function OrphanSection({ orphans }: { orphans: Orphan[] }) {
  if (orphans.length === 0) return null;
  return (
    <section aria-labelledby="orphans" className="plan-section">
      <h2 id="orphans">
        <Shape tone="idle" /> Only in backups <span className="pill">{countInWords(orphans.length)}</span>
      </h2>
      <p className="muted">No manifest asks for these claims now, so nothing would bring them back by itself.</p>
      <Table label="Only in backups" columns={ORPHAN} lines={orphans} keyOf={nameOf} first={SHOWN} thing="claim" />
    </section>
  );
}

const ORPHAN: Column<Orphan>[] = [
  { label: 'Claim', names: true, cell: ({ namespace, pvc }) => <ClaimLink namespace={namespace} pvc={pvc} /> },
  { label: 'Newest backup', cell: ({ last_backup_at }) => last_backup_at && <TakenAt time={last_backup_at} /> },
  { label: 'Backups', className: 'figure', cell: ({ backup_count }) => countInWords(backup_count) },
  { label: 'Driver', cell: ({ driver }) => driver },
];
