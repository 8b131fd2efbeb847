import type { Policies, PolicyClaim } from '@/api/types';
import { Age, Due } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { State } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { standingInWords } from '@/words/policy';
import { troubled } from './standing';

const SHOWN = 100;

/** The claims that a policy holds for and that are not backed up as it says, and why. */
export function Standings({ policies }: { policies: Policies }) {
  const claims = troubled(policies);
  if (claims.length === 0) return null;
  return (
    <section aria-labelledby="standings">
      <h2 id="standings">Not backed up as their policies say</h2>
      <Table
        label="Claims that are not backed up as their policies say"
        columns={COLUMNS}
        lines={claims}
        keyOf={({ namespace, pvc }) => `${namespace}/${pvc}`}
        first={SHOWN}
        thing="claim"
      />
    </section>
  );
}

const COLUMNS: Column<PolicyClaim>[] = [
  { label: 'Claim', names: true, cell: ({ namespace, pvc }) => <ClaimLink namespace={namespace} pvc={pvc} /> },
  { label: 'State', cell: (claim) => <State wording={standingInWords(claim)} /> },
  { label: 'Last backup', cell: ({ last_backup_at }) => <Age time={last_backup_at} /> },
  { label: 'Next try', cell: ({ next_run }) => (next_run ? <Due time={next_run} /> : <span className="muted">none</span>) },
  { label: 'Why', cell: ({ message, reason }) => message ?? reason },
];
