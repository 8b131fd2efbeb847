import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { restoresQuery } from '@/api/queries';
import type { Restore, Restores } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { ClaimLink } from '@/parts/ClaimLink';
import { Empty } from '@/parts/Empty';
import { Page } from '@/parts/Page';
import { useDraft } from '@/parts/draft';
import { durationInWords } from '@/words/age';
import type { Pace } from '@/words/rate';
import { plural, sizeInWords } from '@/words/size';
import { keyOf, usePaces } from './paces';
import { RestoreCard } from './RestoreCard';
import { phasesInWords, split } from './search';

const route = getRouteApi('/restores');

/** How many restores are shown at first, of those under way and of those that ended. */
const SHOWN = 50;

/** What is being brought back, live, and what was. */
export function RestoresView() {
  const restores = useQuery(restoresQuery());
  const { q = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useDraft(q, (next) => void navigate({ search: next ? { q: next } : {}, replace: true }));
  return (
    <Page
      title="Restores"
      aside={restores.dataUpdatedAt > 0 && <>Asked for <Age time={new Date(restores.dataUpdatedAt).toISOString()} />; asked again by itself.</>}
      actions={
        <Link to="/restore" className="button primary">
          Restore…
        </Link>
      }
    >
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label className="filter filter-search">
          <span>Search</span>
          <input type="search" value={typed} placeholder="namespace or claim" onChange={(event) => setTyped(event.target.value)} />
        </label>
      </form>
      <Answer query={restores} what="the restores">
        {(data) => <List data={data} at={restores.dataUpdatedAt} q={q} />}
      </Answer>
    </Page>
  );
}

function List({ data, at, q }: { data: Restores; at: number; q: string }) {
  const paceOf = usePaces(data.restores, at);
  const { underWay, over } = useMemo(() => split(data.restores, { q }), [data, q]);
  if (underWay.length + over.length === 0) {
    return <Empty title={q ? 'No restore matches.' : 'Nothing is being restored, and nothing was.'}>A claim that is created while a backup of it exists shows here as it gets its data back.</Empty>;
  }
  return (
    <>
      <UnderWay restores={underWay} paceOf={paceOf} />
      {over.length > 0 && <Over restores={over} />}
    </>
  );
}

function UnderWay({ restores, paceOf }: { restores: Restore[]; paceOf: (restore: Restore) => Pace }) {
  const [all, setAll] = useState(false);
  const shown = all ? restores : restores.slice(0, SHOWN);
  return (
    <section aria-labelledby="under-way">
      <h2 id="under-way">Under way</h2>
      <p className="muted phases" role="status">
        {restores.length === 0 ? 'Nothing is being restored.' : phasesInWords(restores)}
      </p>
      <ul className="cards">
        {shown.map((restore) => (
          <li key={keyOf(restore)}>
            <RestoreCard restore={restore} pace={paceOf(restore)} />
          </li>
        ))}
      </ul>
      {shown.length < restores.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {plural(restores.length, 'restore')}
        </button>
      )}
    </section>
  );
}

function Over({ restores }: { restores: Restore[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? restores : restores.slice(0, SHOWN);
  return (
    <section aria-labelledby="over">
      <h2 id="over">Completed</h2>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Completed restores">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Claim</th>
              <th scope="col">Completed</th>
              <th scope="col">Took</th>
              <th scope="col">From</th>
              <th scope="col">Size</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((restore) => (
              <tr key={keyOf(restore)}>
                <th scope="row">
                  <ClaimLink namespace={restore.namespace} pvc={restore.pvc || restore.name} />
                </th>
                <td>
                  <Age time={restore.completed_at} />
                </td>
                <td>{tookInWords(restore)}</td>
                <td>{restore.empty ? 'nothing: it started empty' : restore.backup && <Source backup={restore.backup} />}</td>
                <td className="figure">{restore.backup && sizeInWords(restore.backup.size_bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < restores.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {plural(restores.length, 'restore')}
        </button>
      )}
    </section>
  );
}

function Source({ backup }: { backup: NonNullable<Restore['backup']> }) {
  return (
    <>
      {backup.driver} <span className="mono">{backup.id}</span>, taken <Age time={backup.taken_at} />
    </>
  );
}

function tookInWords({ started_at, completed_at }: Restore): string {
  return started_at && completed_at ? durationInWords(Date.parse(completed_at) - Date.parse(started_at)) : '';
}
