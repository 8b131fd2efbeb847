import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Backups, ClaimName } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { Id } from '@/parts/Id';
import { Remarks } from '@/parts/Remarks';
import { State } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { remarksOn, takingInWords } from '@/words/remarks';
import { countInWords, plural, sizeInWords } from '@/words/size';
import { ChosenBackup } from './ChosenBackup';
import { Timeline } from './Timeline';
import { withChanges, type TimelineBackup } from './timeline';

interface Props {
  claim: ClaimName;
  query: UseQueryResult<Backups>;
  /** Asks for all backups, where not all were asked for. */
  more: (() => void) | undefined;
}

/** A claim's backups from every driver, along time and in a table. */
export function BackupsSection({ claim, query, more }: Props) {
  return (
    <section aria-labelledby="backups">
      <h2 id="backups">Backups</h2>
      <Answer query={query} what="the backups of this claim">
        {(data) => <List claim={claim} data={data} more={more} />}
      </Answer>
    </section>
  );
}

function List({ claim, data, more }: { claim: ClaimName; data: Backups; more: (() => void) | undefined }) {
  if (data.backups.length === 0) return <Empty title="No backup of this claim is known." />;
  return (
    <>
      <ChosenBackup backups={data} />
      <Timeline backups={data.backups} />
      <Table label="Backups of this claim" columns={columnsFor(claim, data)} lines={withChanges(data.backups)} keyOf={({ driver, id }) => `${driver} ${id}`} tall />
      {more && data.backups.length < data.total && (
        <button type="button" onClick={more}>
          Show all {plural(data.total, 'backup')}
        </button>
      )}
    </>
  );
}

function columnsFor(claim: ClaimName, { chosen, backups }: Backups): Column<TimelineBackup>[] {
  const cluster: Column<TimelineBackup> = { label: 'Cluster', cell: ({ cluster: name }) => name ?? <span className="muted">none named</span> };
  return [
    { label: 'Taken', names: true, cell: ({ taken_at }) => <Age time={taken_at} /> },
    { label: 'Driver', cell: ({ driver, tool }) => <span title={tool}>{driver}</span> },
    ...(backups.some((backup) => backup.cluster) ? [cluster] : []),
    { label: 'Size', className: 'figure', cell: ({ size_bytes }) => sizeInWords(size_bytes) },
    { label: 'Change', className: 'figure', cell: ({ change }) => change },
    { label: 'Files', className: 'figure', cell: ({ files }) => (files === null ? 'unknown' : countInWords(files)) },
    {
      label: 'State',
      className: 'wrap remarked',
      cell: (backup) => (
        <>
          <State wording={takingInWords(backup)} />
          {chosen?.id === backup.id && chosen.driver === backup.driver && <span className="muted"> restored by itself</span>}
          <Remarks remarks={remarksOn(backup)} />
        </>
      ),
    },
    { label: 'Backup', className: 'mono wrap', cell: ({ id, tags }) => <span title={tags.join(', ') || undefined}><Id id={id} /></span> },
    {
      label: 'Actions',
      quiet: true,
      cell: ({ id }) => (
        <Link to="/restore" search={{ ...claim, snapshot: id }} aria-label={`Restore backup ${id}…`}>
          Restore…
        </Link>
      ),
    },
  ];
}
