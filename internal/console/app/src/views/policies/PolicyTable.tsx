import type { Policies, Policy } from '@/api/types';
import { Due } from '@/parts/Age';
import { State } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { useNow } from '@/parts/now';
import { isKeptHere, keepInWords, sourceInWords, standingInWords, targetInWords, timingInWords } from '@/words/policy';
import { countInWords } from '@/words/size';
import { standingsOf, type StandingsOfPolicy } from './standing';

interface Props {
  policies: Policies;
  onEdit: (policy: Policy) => void;
  onPause: (policy: Policy) => void;
  onDelete: (policy: Policy) => void;
  /** The policy that is being changed. */
  busy: string | null;
}

/** The policies, where each comes from, and what can be done to it. */
export function PolicyTable({ policies, ...actions }: Props) {
  const now = useNow();
  const lines = policies.policies.map((policy) => ({ policy, standings: standingsOf(policies, policy) }));
  return <Table label="Policies" columns={columnsFor(now, actions)} lines={lines} keyOf={({ policy }) => policy.id} />;
}

interface Line {
  policy: Policy;
  standings: StandingsOfPolicy;
}

function columnsFor(now: Date, actions: Omit<Props, 'policies'>): Column<Line>[] {
  return [
    { label: 'For', names: true, cell: ({ policy }) => targetInWords(policy) },
    { label: 'When', cell: ({ policy, standings }) => <When policy={policy} next={standings.next} now={now} /> },
    { label: 'Keeps', cell: ({ policy }) => keepInWords(policy.keep) },
    { label: 'Source', cell: ({ policy }) => sourceInWords(policy.source) },
    { label: 'Claims', cell: ({ standings }) => <Counts standings={standings} /> },
    { label: 'Actions', quiet: true, cell: ({ policy }) => <Actions policy={policy} {...actions} /> },
  ];
}

function When({ policy, next, now }: { policy: Policy; next: string | null; now: Date }) {
  return (
    <>
      {timingInWords(policy, now)}
      {policy.driver && <span className="muted"> with {policy.driver}</span>}{' '}
      {!policy.enabled && <State wording={{ label: 'Paused', tone: 'idle', meaning: 'It takes no backups until it is on again.' }} />}
      {next && (
        <span className="muted next-run">
          next: <Due time={next} />
        </span>
      )}
    </>
  );
}

function Counts({ standings }: { standings: StandingsOfPolicy }) {
  if (standings.counts.length === 0) return <span className="muted">none</span>;
  return (
    <span className="stack">
      {standings.counts.map(({ state, count }) => {
        const wording = standingInWords({ state });
        return <State key={state} wording={wording} label={`${countInWords(count)} ${wording.label.toLowerCase()}`} />;
      })}
    </span>
  );
}

function Actions({ policy, onEdit, onPause, onDelete, busy }: Omit<Props, 'policies'> & { policy: Policy }) {
  if (!isKeptHere(policy)) return <span className="muted">Change it on the claim, where Git may hold it.</span>;
  const target = `the policy for ${targetInWords(policy)}`;
  return (
    <span className="row-actions">
      <button type="button" className="quiet" aria-label={`Change ${target}`} onClick={() => onEdit(policy)}>
        Change
      </button>
      <button type="button" className="quiet" aria-label={policy.enabled ? `Pause ${target}` : `Go on with ${target}`} onClick={() => onPause(policy)} disabled={busy === policy.id}>
        {policy.enabled ? 'Pause' : 'Go on'}
      </button>
      <button type="button" className="quiet" aria-label={`Delete ${target}…`} onClick={() => onDelete(policy)}>
        Delete…
      </button>
    </span>
  );
}
