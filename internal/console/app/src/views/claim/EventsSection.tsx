import { useQuery } from '@tanstack/react-query';
import { eventsQuery } from '@/api/queries';
import type { ClaimEvent, ClaimName, Events } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { State } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { Told } from '@/parts/Told';
import { countInWords } from '@/words/size';

/** What happened to a claim, its restores and its Jobs lately, in Kubernetes' own words. */
export function EventsSection({ claim }: { claim: ClaimName }) {
  const events = useQuery(eventsQuery(claim));
  return (
    <section aria-labelledby="events">
      <h2 id="events">What happened</h2>
      <Answer query={events} what="the events of this claim">
        {(data) => <List events={data} />}
      </Answer>
    </section>
  );
}

function List({ events }: { events: Events }) {
  if (events.events.length === 0) return <Empty title="Nothing was told lately.">Kubernetes keeps events for an hour, unless it is set up otherwise.</Empty>;
  return (
    <>
      <Table
        label="Events of this claim"
        columns={COLUMNS}
        lines={events.events}
        keyOf={({ object, reason, first_at, message }) => `${object.kind} ${object.name} ${reason} ${first_at} ${message}`}
        tall
      />
      {events.events.length < events.total && <p className="muted">The newest of {countInWords(events.total)} events.</p>}
    </>
  );
}

const WORDINGS = {
  Normal: { tone: 'ok', meaning: 'It is as it should be.' },
  Warning: { tone: 'warn', meaning: 'It is not as it should be.' },
} as const;

const COLUMNS: Column<ClaimEvent>[] = [
  {
    label: 'When',
    cell: ({ last_at, count }) => (
      <>
        <Age time={last_at} />
        {count > 1 && <span className="muted"> ({countInWords(count)} times)</span>}
      </>
    ),
  },
  { label: 'What', cell: ({ type, reason }) => <State wording={{ ...WORDINGS[type], label: reason }} /> },
  {
    label: 'On',
    cell: ({ object }) => (
      <>
        {object.kind} <span className="mono">{object.name}</span>
      </>
    ),
  },
  { label: 'Message', cell: ({ message }) => <Told text={message} /> },
];
