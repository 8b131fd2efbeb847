import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { failureOf } from '@/api/errors';
import { waitToLook } from '@/api/polling';
import { batchQuery, eventsQuery } from '@/api/queries';
import type { Batch, BatchMember } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { BatchResults } from '@/parts/BatchResults';
import { Empty } from '@/parts/Empty';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { serverTime } from '@/parts/now';
import { Page } from '@/parts/Page';
import { Progress } from '@/parts/Progress';
import { phaseInWords } from '@/words/phase';
import { endingsInWords, outcomesOf } from './endings';
import { batchInWords, restoresInWords, resultOf } from './members';

const route = getRouteApi('/batches/$id');

/** Work on the claims of a namespace that goes on in the server. Its address can be left, loaded again and sent to somebody. */
export function BatchView() {
  const { id } = route.useParams();
  const batch = useQuery(batchQuery(id));
  return (
    <Page
      title={batch.data ? batchInWords(batch.data) : 'Work on a namespace'}
      aside={
        batch.data && (
          <>
            Asked for <Age time={batch.data.created_at} /> by {batch.data.requested_by}. It goes on when this page is left.
          </>
        )
      }
      actions={
        <Link to="/restores" className="button">
          All restores
        </Link>
      }
    >
      <Contents batch={batch} />
    </Page>
  );
}

function Contents({ batch }: { batch: UseQueryResult<Batch> }) {
  if (batch.error && !batch.data && failureOf(batch.error).code === 'not_found') {
    return <Empty title="This work is not known any more">The last ones are kept for a week at most. What was restored is among all restores; its claims are in the inventory.</Empty>;
  }
  return (
    <Answer query={batch} what="how far the claims are">
      {(data) => (
        <>
          {data.warnings?.map((warning) => (
            <Notice key={warning} tone="unknown" title="There may be more claims than these">
              {warning}
            </Notice>
          ))}
          {data.kind === 'backup' ? <Backups batch={data} /> : <Restores batch={data} />}
        </>
      )}
    </Answer>
  );
}

function Restores({ batch }: { batch: Batch }) {
  const members = batch.members ?? [];
  return (
    <section aria-labelledby="members">
      <h2 id="members">{headingOf(batch)}</h2>
      <p role="status">{restoresInWords(batch)}</p>
      <BatchResults
        label="How far each claim is"
        namespace={batch.namespace}
        targetNamespace={batch.target_namespace ?? batch.namespace}
        results={members.map((member) => ({ ...resultOf(member), detail: <Far member={member} /> }))}
      />
    </section>
  );
}

function headingOf({ state, counts }: Batch): string {
  if (state === 'starting') return 'The restores are being started';
  if (state === 'running') return 'The claims are getting their data back';
  return counts.done === counts.members ? 'The data is back' : 'It has ended, and not all claims have their data back';
}

/** How far the restore of a claim is. */
function Far({ member }: { member: BatchMember }) {
  const { phase, backup, message, notes } = member;
  return (
    <>
      {backup && (
        <>
          from backup <Id id={backup} />
        </>
      )}
      {member.state === 'started' && phase && (
        <>
          {backup && ', '}
          {phaseInWords({ phase, retry_at: null }).label.toLowerCase()} {message}
          <Progress restore={{ pvc: member.pvc, phase, progress: member.progress ?? null }} />
        </>
      )}
      {notes?.map((note) => (
        <span key={note} className="row-warning">
          {note}
        </span>
      ))}
    </>
  );
}

function untilNextLook({ created_at }: Batch): number {
  return waitToLook(Date.parse(created_at), serverTime());
}

/** More events than a claim has while it is backed up, so that the end of none is pushed out of the list. */
const EVENTS_OF_A_CLAIM = 50;

/** What became of each backup of a batch. Its end is told by the events on its claim. */
function Backups({ batch }: { batch: Batch }) {
  const client = useQueryClient();
  const members = batch.members ?? [];
  const events = eventsQuery({ namespace: batch.namespace }, Math.max(1, members.length * EVENTS_OF_A_CLAIM));
  const resultsBy = (told = client.getQueryData(events.queryKey)?.events) => outcomesOf({ results: members.map((member) => ({ ...resultOf(member, 'complete'), job_name: member.job_name, backup: member.backup })) }, told);
  const isOver = () => batch.state !== 'starting' && !resultsBy().some(({ result }) => result === 'started');
  const { data, error } = useQuery({ ...events, refetchInterval: () => (isOver() ? false : untilNextLook(batch)) });
  const results = resultsBy(data?.events);
  return (
    <section aria-labelledby="members">
      <h2 id="members">{batch.state === 'starting' ? 'The backups are being started' : 'The backups'}</h2>
      <p role="status">{endingsInWords(results)}</p>
      {error && (
        <Notice tone="unknown" title="How the backups end is not known">
          {failureOf(error).message}
        </Notice>
      )}
      <BatchResults label={`Claims of ${batch.namespace}`} namespace={batch.namespace} results={results} />
    </section>
  );
}
