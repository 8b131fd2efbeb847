import { useState } from 'react';
import type { Policies } from '@/api/types';
import { Age } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { State } from '@/parts/State';
import { standingInWords } from '@/words/policy';
import { plural } from '@/words/size';
import { troubled } from './standing';

const SHOWN = 100;

/** The claims that a policy holds for and that are not backed up as it says, and why. */
export function Standings({ policies }: { policies: Policies }) {
  const [all, setAll] = useState(false);
  const claims = troubled(policies);
  if (claims.length === 0) return null;
  const shown = all ? claims : claims.slice(0, SHOWN);
  return (
    <section aria-labelledby="standings">
      <h2 id="standings">Not backed up as their policies say</h2>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Claims that are not backed up as their policies say">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Claim</th>
              <th scope="col">State</th>
              <th scope="col">Last backup</th>
              <th scope="col">Next try</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((claim) => (
              <tr key={`${claim.namespace}/${claim.pvc}`}>
                <th scope="row">
                  <ClaimLink namespace={claim.namespace} pvc={claim.pvc} />
                </th>
                <td>
                  <State wording={standingInWords(claim)} />
                </td>
                <td>
                  <Age time={claim.last_backup_at} />
                </td>
                <td>{claim.next_run ? <Age time={claim.next_run} /> : <span className="muted">none</span>}</td>
                <td>{claim.message ?? claim.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < claims.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {plural(claims.length, 'claim')}
        </button>
      )}
    </section>
  );
}
