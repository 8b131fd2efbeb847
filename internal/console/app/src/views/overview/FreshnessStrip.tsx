import { Link } from '@tanstack/react-router';
import type { InventoryClaim } from '@/api/types';
import { Shape } from '@/parts/State';
import { GROUPS, GROUP_WORDS, countGroups } from '@/words/health';
import { countInWords, plural } from '@/words/size';

/** How many claims there are of each state, as a strip whose parts are as wide as the counts are large. */
export function FreshnessStrip({ claims }: { claims: InventoryClaim[] }) {
  const counts = countGroups(claims);
  const shown = GROUPS.filter((group) => counts[group] > 0);
  return (
    <section aria-labelledby="freshness" className="freshness">
      <h2 id="freshness">
        {plural(claims.length, 'claim')}, {countInWords(counts.fresh)} fresh
      </h2>
      <div className="strip" aria-hidden="true">
        {shown.map((group) => (
          <span key={group} className={`strip-part tone-${GROUP_WORDS[group].tone} group-${group}`} style={{ flexGrow: counts[group] }} />
        ))}
      </div>
      <ul className="legend">
        {GROUPS.map((group) => (
          <li key={group}>
            <Link to="/inventory" search={{ state: group }} className="legend-item" title={GROUP_WORDS[group].meaning} data-none={counts[group] === 0}>
              <Shape tone={GROUP_WORDS[group].tone} />
              <span className="legend-count">{countInWords(counts[group])}</span>
              <span>{GROUP_WORDS[group].label}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
