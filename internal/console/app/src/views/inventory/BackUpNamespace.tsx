import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { backUpNamespace } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { inventoryQuery, policiesQuery } from '@/api/queries';
import type { NamespaceBackup } from '@/api/types';
import { BatchResults, countResults } from '@/parts/BatchResults';
import { Dialog } from '@/parts/Dialog';
import { Notice } from '@/parts/Notice';
import { plural } from '@/words/size';

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
  const shown = start.data ?? plan.data;
  const error = start.error ?? plan.error;
  return (
    <Dialog open onClose={onClose} title={`Back up ${namespace}`} description={start.data ? 'What became of each claim:' : 'What would be started, claim by claim:'}>
      {error && (
        <Notice tone="bad" title="Nothing was started" urgent>
          {failureOf(error).message}
        </Notice>
      )}
      {!shown && !error && <p role="status">Asking what would be started…</p>}
      {shown && <Outcome outcome={shown} />}
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

function Outcome({ outcome }: { outcome: NamespaceBackup }) {
  return (
    <>
      {outcome.error && (
        <Notice tone="warn" title="Nothing is started" urgent>
          {outcome.error}
        </Notice>
      )}
      <BatchResults label={`Claims of ${outcome.namespace}`} namespace={outcome.namespace} results={outcome.results.map((result) => ({ ...result, detail: result.job_name ?? result.backup }))} />
    </>
  );
}
