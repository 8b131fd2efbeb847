import { useQuery } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { restoresQuery } from '@/api/queries';
import type { Restore, Restores } from '@/api/types';
import { Age, SinceHere } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { ClaimLink } from '@/parts/ClaimLink';
import { Empty } from '@/parts/Empty';
import { Id } from '@/parts/Id';
import { Page } from '@/parts/Page';
import { Table, type Column } from '@/parts/Table';
import { useDraft } from '@/parts/draft';
import { durationInWords } from '@/words/age';
import type { Pace } from '@/words/rate';
import { plural, sizeInWords } from '@/words/size';
import { CopiesSection } from '../copies/CopiesSection';
import { Batches } from './Batches';
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
      aside={restores.dataUpdatedAt > 0 && <>Asked for <SinceHere at={restores.dataUpdatedAt} />; asked again by itself.</>}
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
      {!q && <Batches />}
      <Answer query={restores} what="the restores">
        {(data) => <List data={data} at={restores.dataUpdatedAt} q={q} />}
      </Answer>
      <CopiesSection q={q} />
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
  return (
    <section aria-labelledby="over">
      <h2 id="over">Completed</h2>
      <Table label="Completed restores" columns={OVER} lines={restores} keyOf={keyOf} first={SHOWN} thing="restore" />
    </section>
  );
}

const OVER: Column<Restore>[] = [
  { label: 'Claim', names: true, cell: ({ namespace, pvc, name }) => <ClaimLink namespace={namespace} pvc={pvc || name} /> },
  { label: 'Completed', cell: ({ completed_at }) => <Age time={completed_at} /> },
  { label: 'Took', cell: tookInWords },
  { label: 'From', cell: ({ empty, backup }) => (empty ? 'nothing: it started empty' : backup && <Source backup={backup} />) },
  { label: 'Size', className: 'figure', cell: ({ backup }) => backup && sizeInWords(backup.size_bytes) },
];

function Source({ backup }: { backup: NonNullable<Restore['backup']> }) {
  return (
    <>
      {backup.driver} <Id id={backup.id} />, taken <Age time={backup.taken_at} />
    </>
  );
}

function tookInWords({ started_at, completed_at }: Restore): string {
  return started_at && completed_at ? durationInWords(Date.parse(completed_at) - Date.parse(started_at)) : '';
}
