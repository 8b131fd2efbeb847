import { useQuery } from '@tanstack/react-query';
import { eventsQuery } from '@/api/queries';
import type { ClaimEvent, ClaimName, Events } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { State } from '@/parts/State';
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
    <div className="table-scroll table-tall" tabIndex={0} role="group" aria-label="Events of this claim">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">On</th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          {events.events.map((event) => (
            <EventRow key={`${event.object.kind} ${event.object.name} ${event.reason} ${event.first_at} ${event.message}`} event={event} />
          ))}
        </tbody>
      </table>
      {events.events.length < events.total && <p className="muted">The newest of {countInWords(events.total)} events.</p>}
    </div>
  );
}

const WORDINGS = {
  Normal: { tone: 'ok', meaning: 'It is as it should be.' },
  Warning: { tone: 'warn', meaning: 'It is not as it should be.' },
} as const;

function EventRow({ event }: { event: ClaimEvent }) {
  return (
    <tr>
      <td>
        <Age time={event.last_at} />
        {event.count > 1 && <span className="muted"> ({countInWords(event.count)} times)</span>}
      </td>
      <td>
        <State wording={{ ...WORDINGS[event.type], label: event.reason }} />
      </td>
      <td>
        {event.object.kind} <span className="mono">{event.object.name}</span>
      </td>
      <td>{event.message}</td>
    </tr>
  );
}
