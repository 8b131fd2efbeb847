import { Link } from '@tanstack/react-router';
import type { InventoryClaim, Orphan } from '@/api/types';
import { Age, Due } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Shape, State } from '@/parts/State';
import { standingOfClaim } from '@/words/copy';
import { GROUPS, GROUP_WORDS, protectionInWords } from '@/words/health';
import { countInWords, plural } from '@/words/size';
import { DayStrip } from './DayStrip';
import type { Row } from './rows';

interface Props {
  row: Row;
  onToggle: (namespace: string) => void;
  onBackUp: (namespace: string) => void;
}

/** The cells of one line. */
export function RowLine({ row, onToggle, onBackUp }: Props) {
  switch (row.kind) {
    case 'namespace':
      return <NamespaceCells row={row} onToggle={onToggle} onBackUp={onBackUp} />;
    case 'claim':
      return <ClaimCells claim={row.claim} />;
    case 'orphan':
      return <OrphanCells orphan={row.orphan} />;
  }
}

function NamespaceCells({ row, onToggle, onBackUp }: Omit<Props, 'row'> & { row: Extract<Row, { kind: 'namespace' }> }) {
  return (
    <>
      <div role="rowheader" className="namespace-name">
        <button type="button" className="toggle" aria-expanded={row.open} onClick={() => onToggle(row.name)}>
          <span className="toggle-mark" aria-hidden="true" />
          {row.name}
        </button>
      </div>
      <div role="cell" className="namespace-counts">
        <span className="muted">{plural(row.claims + row.orphans, 'claim')}</span>
        {GROUPS.filter((group) => row.counts[group] > 0).map((group) => (
          <span key={group} className="mini" title={`${GROUP_WORDS[group].label}: ${GROUP_WORDS[group].meaning}`}>
            <Shape tone={GROUP_WORDS[group].tone} />
            {countInWords(row.counts[group])}
            <span className="sr-only"> {GROUP_WORDS[group].label}</span>
          </span>
        ))}
      </div>
      <div role="cell" className="namespace-actions">
        {row.claims > 0 && (
          <button type="button" className="quiet" aria-label={`Back up all claims of ${row.name}…`} onClick={() => onBackUp(row.name)}>
            Back up…
          </button>
        )}
        <Link
          to="/restore"
          search={{ of: 'namespace', namespace: row.name, orphans: row.orphans > 0 || undefined }}
          className="button quiet"
          aria-label={`Restore namespace ${row.name}…`}
        >
          Restore…
        </Link>
      </div>
    </>
  );
}

function ClaimCells({ claim }: { claim: InventoryClaim }) {
  const wording = standingOfClaim(claim);
  return (
    <>
      <div role="cell" className="cell-name">
        <ClaimLink namespace={claim.namespace} pvc={claim.pvc} bare />
      </div>
      <div role="cell" className="cell-state" title={claim.health_message}>
        <State wording={wording} />
        {claim.health_message && <span className="reason-inline">{claim.health_message}</span>}
      </div>
      <BackupCells of={claim} />
      <div role="cell" className="cell-protection" title={protectionInWords(claim.protection)}>
        {claim.protection}
      </div>
      <div role="cell" className="cell-next">
        {claim.next_run ? <Due time={claim.next_run} /> : <span className="muted">no policy</span>}
      </div>
    </>
  );
}

function OrphanCells({ orphan }: { orphan: Orphan }) {
  return (
    <>
      <div role="cell" className="cell-name">
        <ClaimLink namespace={orphan.namespace} pvc={orphan.pvc} bare />
      </div>
      <div role="cell" className="cell-state">
        <State wording={{ label: 'Only in backups', tone: 'idle', meaning: 'No claim of this name exists; its backups do.' }} />
      </div>
      <BackupCells of={orphan} />
      <div role="cell" className="cell-protection" />
      <div role="cell" className="cell-next">
        <Link to="/restore" search={{ namespace: orphan.namespace, pvc: orphan.pvc }} aria-label={`Restore ${orphan.namespace}/${orphan.pvc}…`}>
          Restore…
        </Link>
      </div>
    </>
  );
}

function BackupCells({ of }: { of: Pick<InventoryClaim & Orphan, 'last_backup_at' | 'driver' | 'backup_count' | 'recent_days'> }) {
  return (
    <>
      <div role="cell" className="cell-age">
        <Age time={of.last_backup_at} />
        <span className="driver">{of.last_backup_at && of.driver}</span>
      </div>
      <div role="cell" className="cell-count figure">
        <span className="narrow-only">Backups: </span>
        {countInWords(of.backup_count)}
      </div>
      <div role="cell" className="cell-days">
        <DayStrip days={of.recent_days} />
      </div>
    </>
  );
}
