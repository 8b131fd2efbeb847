import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Backups, ClaimName } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { countInWords, plural, sizeInWords } from '@/words/size';
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
      <Timeline backups={data.backups} />
      <div className="table-scroll table-tall" tabIndex={0} role="group" aria-label="Backups of this claim">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Taken</th>
              <th scope="col">Driver</th>
              <th scope="col">Size</th>
              <th scope="col">Change</th>
              <th scope="col">Files</th>
              <th scope="col">Backup</th>
              <th scope="col">
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {withChanges(data.backups).map((backup) => (
              <BackupRow key={`${backup.driver} ${backup.id}`} claim={claim} backup={backup} />
            ))}
          </tbody>
        </table>
      </div>
      {more && data.backups.length < data.total && (
        <button type="button" onClick={more}>
          Show all {plural(data.total, 'backup')}
        </button>
      )}
    </>
  );
}

function BackupRow({ claim, backup }: { claim: ClaimName; backup: TimelineBackup }) {
  return (
    <tr>
      <th scope="row">
        <Age time={backup.taken_at} />
      </th>
      <td>{backup.driver}</td>
      <td className="figure">{sizeInWords(backup.size_bytes)}</td>
      <td className="figure">{backup.change}</td>
      <td className="figure">{backup.files === null ? '' : countInWords(backup.files)}</td>
      <td className="mono wrap" title={backup.tags.join(', ') || undefined}>
        {backup.id}
      </td>
      <td>
        <Link to="/restore" search={{ ...claim, snapshot: backup.id }} aria-label={`Restore backup ${backup.id}…`}>
          Restore…
        </Link>
      </td>
    </tr>
  );
}
