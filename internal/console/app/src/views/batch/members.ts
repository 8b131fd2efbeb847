import type { Batch, BatchMember } from '@/api/types';
import type { BatchResult } from '@/parts/BatchResults';
import { countInWords, plural } from '@/words/size';

const RESULTS: Record<BatchMember['state'], string> = { waiting: 'waiting', refused: 'refused', started: 'started', done: 'back', failed: 'failed', unknown: 'unknown', gone: 'gone' };

/** Puts a claim of a batch into a line: how far it is, and why it was refused or failed where it did. */
export function resultOf({ pvc, target_pvc, state, driver, job_name, backup, error, settle }: BatchMember, done = RESULTS.done): BatchResult {
  return { pvc, ...(target_pvc && { target_pvc }), result: state === 'done' ? done : RESULTS[state], ...(driver && { driver }), detail: job_name ?? backup, ...(error && { error }), ...(settle && { settle }) };
}

/** Puts what became of the claims that are not done behind how many are; of what no claim is, nothing is said. */
function withTheRest(done: string, { started, waiting, refused, failed, unknown, gone }: Batch['counts']): string {
  const rest = [
    started > 0 && `${countInWords(started)} under way`,
    waiting > 0 && `${countInWords(waiting)} not started yet`,
    refused > 0 && `${countInWords(refused)} refused`,
    failed > 0 && `${countInWords(failed)} failed`,
    unknown > 0 && `${countInWords(unknown)} whose end is not known`,
    gone > 0 && `${countInWords(gone)} deleted since`,
  ].filter(Boolean);
  return rest.length > 0 ? `${done}; ${rest.join(', ')}.` : `${done}.`;
}

/** Says how far the restores of a batch are: "2 of 5 claims have their data back; 1 under way, 2 not started yet." */
export function restoresInWords({ counts }: Pick<Batch, 'counts'>): string {
  return withTheRest(`${countInWords(counts.done)} of ${plural(counts.members, 'claim')} ${counts.done === 1 ? 'has its' : 'have their'} data back`, counts);
}

/** Says how far the backups of a batch are: "2 of 5 backups are complete; 1 under way, 1 failed, 1 whose end is not known." */
export function backupsInWords({ counts }: Pick<Batch, 'counts'>): string {
  return withTheRest(`${countInWords(counts.done)} of ${plural(counts.members, 'backup')} ${counts.done === 1 ? 'is' : 'are'} complete`, counts);
}

/** Says what a batch is: "Restore of media", "Restore of media to lab", "Backup of media". */
export function batchInWords({ kind, namespace, target_namespace }: Pick<Batch, 'kind' | 'namespace' | 'target_namespace'>): string {
  if (kind === 'backup') return `Backup of ${namespace}`;
  return target_namespace && target_namespace !== namespace ? `Restore of ${namespace} to ${target_namespace}` : `Restore of ${namespace}`;
}
