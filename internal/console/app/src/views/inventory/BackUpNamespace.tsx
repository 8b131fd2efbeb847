import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { backUpNamespace } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { waitToLook } from '@/api/polling';
import { eventsQuery, inventoryQuery, policiesQuery } from '@/api/queries';
import type { NamespaceBackup } from '@/api/types';
import { BatchResults, countResults, type BatchResult } from '@/parts/BatchResults';
import { Dialog } from '@/parts/Dialog';
import { Notice } from '@/parts/Notice';
import { plural } from '@/words/size';
import { endingsInWords, outcomesOf } from './endings';

/** More events than a claim has while it is backed up, so that the end of none is pushed out of the list. */
const EVENTS_OF_A_CLAIM = 50;

/** Backs every bound claim of a namespace up: shows what would be started, then starts it, then what became of each. */
export function BackUpNamespace({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const client = useQueryClient();
  const plan = useQuery({
    queryKey: ['backup-namespace', namespace],
    queryFn: () => backUpNamespace({ namespace, dry_run: true }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const start = useMutation({
    mutationFn: () => backUpNamespace({ namespace }),
    onSettled: () => Promise.all([client.invalidateQueries(inventoryQuery), client.invalidateQueries(policiesQuery)]),
  });
  const error = start.error ?? plan.error;
  return (
    <Dialog open onClose={onClose} title={`Back up ${namespace}`} description={start.data ? 'What became of each claim:' : 'What would be started, claim by claim:'}>
      {error && (
        <Notice tone="bad" title="Nothing was started" urgent>
          {failureOf(error).message}
        </Notice>
      )}
      {!plan.data && !error && <p role="status">Asking what would be started…</p>}
      {start.data ? <Progress batch={start.data} begun={start.submittedAt} /> : plan.data && <Outcome batch={plan.data} results={outcomesOf(plan.data)} />}
      <div className="dialog-actions">
        <button type="button" onClick={onClose}>
          {start.data ? 'Close' : 'Cancel'}
        </button>
        {!start.data && (
          <button type="button" className="primary" disabled={!plan.data || countResults(plan.data, 'would_start') === 0 || start.isPending} onClick={() => start.mutate()}>
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
