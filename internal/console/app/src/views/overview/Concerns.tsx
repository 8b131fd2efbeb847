import { Link } from '@tanstack/react-router';
import { ClaimLink } from '@/parts/ClaimLink';
import { Shape } from '@/parts/State';
import type { Filters } from '../inventory/filters';
import { countInWords, plural } from '@/words/size';
import type { Concern } from './attention';

/** How many claims of a concern are named here; the rest is in the inventory. */
const NAMED = 6;

/** What needs a person, the most pressing first. */
export function Concerns({ concerns }: { concerns: Concern[] }) {
  if (concerns.length === 0) {
    return (
      <section aria-labelledby="concerns" className="all-well">
        <h2 id="concerns">
          <Shape tone="ok" /> Nothing needs a person
        </h2>
        <p className="muted">Every claim that should have a fresh backup has one, and none is held.</p>
      </section>
    );
  }
  return (
    <section aria-labelledby="concerns">
      <h2 id="concerns">What needs a person</h2>
      <ul className="concerns">
        {concerns.map((concern) => (
          <ConcernCard key={concern.id} concern={concern} />
        ))}
      </ul>
    </section>
  );
}

function ConcernCard({ concern }: { concern: Concern }) {
  const more = concern.claims.length - NAMED;
  return (
    <li className={`concern concern-${concern.tone}`}>
      <h3>
        <Shape tone={concern.tone} />
        {concern.title}
        <span className="pill" aria-label={plural(concern.claims.length, 'claim')}>
          {countInWords(concern.claims.length)}
        </span>
      </h3>
      <p className="muted">{concern.remedy}</p>
      <ul className="concerned">
        {concern.claims.slice(0, NAMED).map((claim) => (
          <li key={`${claim.namespace}/${claim.pvc}`}>
            <ClaimLink {...claim} />
            {claim.reason && <span className="reason">{claim.reason}</span>}
          </li>
        ))}
      </ul>
      {more > 0 && <More concern={concern} more={more} />}
    </li>
  );
}

function More({ concern, more }: { concern: Concern; more: number }) {
  const words = `and ${countInWords(more)} more`;
  const search = FILTERS[concern.id];
  return search ? (
    <Link to="/inventory" search={search}>
      {words}
    </Link>
  ) : (
    <Link to="/policies">{words}</Link>
  );
}

/** The filter of the inventory that shows the claims of a concern; backups that failed or hang are among the policies. */
const FILTERS: Record<Concern['id'], Filters | null> = {
  held: { state: 'held' },
  unreviewed: { state: 'other' },
  stalled: { state: 'restoring' },
  turnsBack: {},
  startsEmpty: { protection: 'skip' },
  hanging: null,
  failing: null,
  lost: { state: 'other' },
  misdeclared: { protection: 'invalid' },
  unknown: { state: 'unknown' },
  none: { state: 'none' },
  unprotected: { protection: 'none' },
  stale: { state: 'stale' },
};
