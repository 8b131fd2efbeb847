import type { Policies, Policy } from '@/api/types';
import { Age } from '@/parts/Age';
import { State } from '@/parts/State';
import { useNow } from '@/parts/now';
import { isKeptHere, keepInWords, sourceInWords, standingInWords, targetInWords, timingInWords } from '@/words/policy';
import { countInWords } from '@/words/size';
import { standingsOf } from './standing';

interface Props {
  policies: Policies;
  onEdit: (policy: Policy) => void;
  onPause: (policy: Policy) => void;
  onDelete: (policy: Policy) => void;
  /** The policy that is being changed. */
  busy: string | null;
}

/** The policies, where each comes from, and what can be done to it. */
export function PolicyTable({ policies, onEdit, onPause, onDelete, busy }: Props) {
  const now = useNow();
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Policies">
      <table className="table table-cards">
        <thead>
          <tr>
            <th scope="col">For</th>
            <th scope="col">When</th>
            <th scope="col">Keeps</th>
            <th scope="col">Source</th>
            <th scope="col">Claims</th>
            <th scope="col">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {policies.policies.map((policy) => {
            const standings = standingsOf(policies, policy);
            return (
              <tr key={policy.id}>
                <th scope="row">{targetInWords(policy)}</th>
                <td data-label="When">
                  {timingInWords(policy, now)}
                  {policy.driver && <span className="muted"> with {policy.driver}</span>}
                  {!policy.enabled && <State wording={{ label: 'Paused', tone: 'idle', meaning: 'It takes no backups until it is on again.' }} />}
                  {standings.next && (
                    <span className="muted next-run">
                      next <Age time={standings.next} />
                    </span>
                  )}
                </td>
                <td data-label="Keeps">{keepInWords(policy.keep)}</td>
                <td data-label="Source">{sourceInWords(policy.source)}</td>
                <td data-label="Claims">
                  <span className="stack">
                    {standings.counts.map(({ state, count }) => (
                      <State key={state} wording={standingInWords({ state })} label={`${countInWords(count)} ${standingInWords({ state }).label.toLowerCase()}`} />
                    ))}
                    {standings.counts.length === 0 && <span className="muted">none</span>}
                  </span>
                </td>
                <td>
                  <Actions policy={policy} onEdit={onEdit} onPause={onPause} onDelete={onDelete} busy={busy} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
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
