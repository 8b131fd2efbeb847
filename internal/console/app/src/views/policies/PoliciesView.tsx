import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { policiesQuery } from '@/api/queries';
import type { Policies, Policy } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { ClaimLink } from '@/parts/ClaimLink';
import { Confirm } from '@/parts/Dialog';
import { Empty } from '@/parts/Empty';
import { Notice } from '@/parts/Notice';
import { Page } from '@/parts/Page';
import { sourceInWords, targetInWords } from '@/words/policy';
import { NEW_POLICY, formOf } from './form';
import { PolicyEditor, type Editing } from './PolicyEditor';
import { PolicyTable } from './PolicyTable';
import { Standings } from './Standings';
import { usePolicyActions } from './usePolicyActions';

/** When claims are backed up by themselves, who says so, and how that goes. */
export function PoliciesView() {
  const policies = useQuery(policiesQuery);
  const [editing, setEditing] = useState<Editing | null>(null);
  return (
    <Page
      title="Policies"
      aside={policies.data && <>As of <Age time={policies.data.generated_at} /></>}
      actions={
        <button type="button" className="primary" onClick={() => setEditing({ title: 'New policy', form: NEW_POLICY, targetFixed: false })}>
          New policy…
        </button>
      }
    >
      <Answer query={policies} what="the policies">
        {(data) => <List policies={data} onEdit={(policy) => setEditing({ title: 'Change a policy', form: formOf(policy), targetFixed: true })} />}
      </Answer>
      {editing && <PolicyEditor editing={editing} onClose={() => setEditing(null)} />}
    </Page>
  );
}

function List({ policies, onEdit }: { policies: Policies; onEdit: (policy: Policy) => void }) {
  const { remove, pause } = usePolicyActions();
  const [going, setGoing] = useState<Policy | null>(null);
  return (
    <>
      {policies.warnings.map((warning) => (
        <Notice key={`${warning.namespace}/${warning.pvc} ${warning.source}`} tone="warn" title="A declaration is not understood">
          <ClaimLink namespace={warning.namespace} pvc={warning.pvc} />, {sourceInWords(warning.source)}: {warning.message}
        </Notice>
      ))}
      {policies.policies.length === 0 ? (
        <Empty title="No policy backs anything up.">
          Make one here, or label a claim <span className="mono">backup: daily</span>, so that Git holds it.
        </Empty>
      ) : (
        <PolicyTable policies={policies} onEdit={onEdit} onPause={(policy) => pause.mutate(policy)} onDelete={setGoing} busy={pause.isPending ? pause.variables.id : null} />
      )}
      <Standings policies={policies} />
      <Confirm
        open={going !== null}
        onClose={() => setGoing(null)}
        title={going ? `Delete the policy for ${targetInWords(going)}?` : ''}
        description="Its claims are no longer backed up by it, and no old backup is removed by it. Backups that exist stay."
        verb="Delete the policy"
        onConfirm={() => {
          if (going) remove.mutate(going);
          setGoing(null);
        }}
      />
    </>
  );
}
