import type { Batch, BatchMember } from '@/api/types';
import type { BatchResult } from '@/parts/BatchResults';
import { countInWords, plural } from '@/words/size';

const RESULTS: Record<BatchMember['state'], string> = { waiting: 'waiting', refused: 'refused', started: 'started', done: 'back', gone: 'gone' };

/** Puts a claim of a batch into a line: how far it is, and why it was refused where it was. */
export function resultOf({ pvc, target_pvc, state, driver, job_name, backup, error, settle }: BatchMember): BatchResult {
  return { pvc, ...(target_pvc && { target_pvc }), result: RESULTS[state], ...(driver && { driver }), detail: job_name ?? backup, ...(error && { error }), ...(settle && { settle }) };
}

/** Says how far the restores of a batch are: "2 of 5 claims have their data back; 1 is under way, 2 wait." */
export function restoresInWords({ counts }: Pick<Batch, 'counts'>): string {
  const back = `${countInWords(counts.done)} of ${plural(counts.members, 'claim')} ${counts.done === 1 ? 'has its' : 'have their'} data back`;
  const rest = [
    counts.started > 0 && `${countInWords(counts.started)} under way`,
    counts.waiting > 0 && `${countInWords(counts.waiting)} not started yet`,
    counts.refused > 0 && `${countInWords(counts.refused)} refused`,
    counts.gone > 0 && `${countInWords(counts.gone)} deleted since`,
  ].filter(Boolean);
  return rest.length > 0 ? `${back}; ${rest.join(', ')}.` : `${back}.`;
}

/** Says what a batch is: "Restore of media", "Restore of media to lab", "Backup of media". */
export function batchInWords({ kind, namespace, target_namespace }: Pick<Batch, 'kind' | 'namespace' | 'target_namespace'>): string {
  if (kind === 'backup') return `Backup of ${namespace}`;
  return target_namespace && target_namespace !== namespace ? `Restore of ${namespace} to ${target_namespace}` : `Restore of ${namespace}`;
}
