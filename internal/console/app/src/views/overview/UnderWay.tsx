import { Link } from '@tanstack/react-router';
import type { Restore } from '@/api/types';
import { ClaimLink } from '@/parts/ClaimLink';
import { Progress } from '@/parts/Progress';
import { State } from '@/parts/State';
import { standingOf } from '@/words/phase';
import { countInWords } from '@/words/size';

const NAMED = 5;

/** What is being brought back now. */
export function UnderWay({ restores }: { restores: Restore[] }) {
  const more = restores.length - NAMED;
  return (
    <section aria-labelledby="under-way">
      <h2 id="under-way">Being brought back</h2>
      <ul className="under-way">
        {restores.slice(0, NAMED).map((restore) => (
          <li key={`${restore.namespace}/${restore.name}`}>
            <ClaimLink namespace={restore.namespace} pvc={restore.pvc || restore.name} />
            <State wording={standingOf(restore)} />
            <Progress restore={restore} />
          </li>
        ))}
      </ul>
      <p>
        <Link to="/restores">{more > 0 ? `All restores, ${countInWords(more)} more of them under way` : 'All restores'}</Link>
      </p>
    </section>
  );
}
