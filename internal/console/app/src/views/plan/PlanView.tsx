import { useQuery } from '@tanstack/react-query';
import { planQuery } from '@/api/queries';
import type { Plan } from '@/api/types';
import { Moment } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Doubts } from '@/parts/Doubts';
import { Empty } from '@/parts/Empty';
import { Page } from '@/parts/Page';
import { State } from '@/parts/State';
import { Vintage } from '@/parts/Vintage';
import { bytesInWords, countInWords, plural } from '@/words/size';
import { OrphanSection, PlanSection } from './PlanSection';
import { bytesToRestore, sectionsOf, tallyOf } from './sections';

/** What would become of every claim if the cluster were rebuilt now, as a page that can be printed. */
export function PlanView() {
  const plan = useQuery(planQuery);
  return (
    <Page
      title="Recovery plan"
      aside={plan.data && <>If this cluster were rebuilt from the same manifests. As of <Moment time={plan.data.generated_at} /></>}
      actions={
        <button type="button" className="primary no-print" onClick={() => window.print()} disabled={!plan.data}>
          Print
        </button>
      }
    >
      <Answer query={plan} what="the recovery plan">
        {(data) => <Sections plan={data} />}
      </Answer>
    </Page>
  );
}

function Sections({ plan }: { plan: Plan }) {
  if (plan.claims.length === 0 && plan.orphans.length === 0) {
    return (
      <>
        <Vintage generatedAt={plan.generated_at} listings={plan.listings} />
        <Empty title="There is nothing to plan for: this cluster has no claims." />
      </>
    );
  }
  return (
    <>
      <Vintage generatedAt={plan.generated_at} listings={plan.listings} />
      <Doubts listings={plan.listings} />
      <Summary plan={plan} />
      {sectionsOf(plan).map((section) => (
        <PlanSection key={section.id} section={section} />
      ))}
      <OrphanSection orphans={plan.orphans} />
    </>
  );
}

function Summary({ plan }: { plan: Plan }) {
  const { bytes, unknown } = bytesToRestore(plan);
  return (
    <section aria-labelledby="summary">
      <h2 id="summary">
        {countInWords(plan.summary.restore)} of {plural(plan.summary.claims, 'claim')} would come back
      </h2>
      <ul className="tally">
        {tallyOf(plan).map(({ wording, count }) => (
          <li key={wording.label}>
            <span className="tally-count">{countInWords(count)}</span>
            <State wording={wording} />
          </li>
        ))}
      </ul>
      {plan.summary.restore > 0 && (
        <p className="muted">
          {bytesInWords(bytes)} to bring back{unknown > 0 && `, besides ${plural(unknown, 'backup')} of unknown size`}.
        </p>
      )}
    </section>
  );
}
