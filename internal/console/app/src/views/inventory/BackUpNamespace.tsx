import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { backUpNamespace, planNamespaceBackup } from '@/api/actions';
import type { Begun } from '@/api/client';
import { failureOf } from '@/api/errors';
import { waitToLook } from '@/api/polling';
import { eventsQuery, inventoryQuery, policiesQuery } from '@/api/queries';
import type { NamespaceBackup } from '@/api/types';
import { BatchResults, countResults, type BatchResult } from '@/parts/BatchResults';
import { Dialog } from '@/parts/Dialog';
import { Notice } from '@/parts/Notice';
import { undoneInWords } from '@/words/refusal';
import { plural } from '@/words/size';
import { endingsInWords, outcomesOf } from '../batch/endings';

/** More events than a claim has while it is backed up, so that the end of none is pushed out of the list. */
const EVENTS_OF_A_CLAIM = 50;

/** Backs every bound claim of a namespace up: shows what would be started, then starts it, then what became of each. */
export function BackUpNamespace({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const plan = useQuery({
    queryKey: ['backup-namespace', namespace],
    queryFn: () => planNamespaceBackup({ namespace }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const start = useMutation({
    mutationFn: () => backUpNamespace({ namespace }),
    onSettled: () => Promise.all([client.invalidateQueries(inventoryQuery), client.invalidateQueries(policiesQuery)]),
  });
  // What goes on in the server has a page of its own, which outlives this dialog.
  const follow = (begun: Begun<NamespaceBackup>) => void ('batch' in begun && navigate({ to: '/batches/$id', params: { id: begun.batch.id } }));
  const outcome = start.data && 'outcome' in start.data ? start.data.outcome : null;
  const error = start.error ?? plan.error;
  return (
    <Dialog open onClose={onClose} title={`Back up ${namespace}`} description={outcome ? 'What became of each claim:' : 'What would be started, claim by claim:'}>
      {error && (
        <Notice tone="bad" title={undoneInWords(failureOf(error), 'Nothing was started', start.error ? 'Whether backups were started is not known' : 'What would be started is not known')} urgent>
          {failureOf(error).message}
        </Notice>
      )}
      {!plan.data && !error && <p role="status">Asking what would be started…</p>}
      {outcome ? <Progress batch={outcome} begun={start.submittedAt} /> : plan.data && <Outcome batch={plan.data} results={outcomesOf(plan.data)} />}
      <div className="dialog-actions">
        <button type="button" onClick={onClose}>
          {outcome ? 'Close' : 'Cancel'}
        </button>
        {!outcome && (
          <button type="button" className="primary" disabled={!plan.data || countResults(plan.data, 'would_start') === 0 || start.isPending || start.isSuccess} onClick={() => start.mutate(undefined, { onSuccess: follow })}>
            {start.isPending ? 'Starting…' : plan.data ? `Back up ${plural(countResults(plan.data, 'would_start'), 'claim')}` : 'Back up'}
          </button>
        )}
      </div>
    </Dialog>
  );
}

/** What became of each backup, told as it ends. */
function Progress({ batch, begun }: { batch: NamespaceBackup; begun: number }) {
  const client = useQueryClient();
  const events = eventsQuery({ namespace: batch.namespace }, batch.results.length * EVENTS_OF_A_CLAIM);
  const isOver = () => countResults({ results: outcomesOf(batch, client.getQueryData(events.queryKey)?.events) }, 'started') === 0;
  const { data, error } = useQuery({ ...events, refetchInterval: () => (isOver() ? false : waitToLook(begun, Date.now())) });
  const results = outcomesOf(batch, data?.events);
  return (
    <>
      <p role="status">{endingsInWords(results)}</p>
      {error && (
        <Notice tone="unknown" title="How the backups end is not known">
          {failureOf(error).message}
        </Notice>
      )}
      <Outcome batch={batch} results={results} />
    </>
  );
}

function Outcome({ batch, results }: { batch: NamespaceBackup; results: BatchResult[] }) {
  return (
    <>
      {batch.error && (
        <Notice tone="warn" title="Nothing is started" urgent>
          {batch.error}
        </Notice>
      )}
      <BatchResults label={`Claims of ${batch.namespace}`} namespace={batch.namespace} results={results} />
    </>
  );
}
