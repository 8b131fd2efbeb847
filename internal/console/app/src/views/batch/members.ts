import type { Batch, BatchMember } from '@/api/types';
import type { BatchResult } from '@/parts/BatchResults';
import { countInWords, plural } from '@/words/size';

const RESULTS: Record<BatchMember['state'], string> = { waiting: 'waiting', refused: 'refused', started: 'started', done: 'back', failed: 'failed', unknown: 'unknown', gone: 'gone' };

/** Puts a claim of a batch into a line: how far it is, and why it was refused or failed where it did. */
export function resultOf({ pvc, target_pvc, state, driver, job_name, backup, error, settle }: BatchMember, done = RESULTS.done): BatchResult {
  return { pvc, ...(target_pvc && { target_pvc }), result: state === 'done' ? done : RESULTS[state], ...(driver && { driver }), detail: job_name ?? backup, ...(error && { error }), ...(settle && { settle }) };
}

/** Says how far the restores of a batch are: "2 of 5 claims have their data back; 1 is under way, 2 wait." */
export function restoresInWords({ counts }: Pick<Batch, 'counts'>): string {
  const back = `${countInWords(counts.done)} of ${plural(counts.members, 'claim')} ${counts.done === 1 ? 'has its' : 'have their'} data back`;
  const rest = [
    counts.started > 0 && `${countInWords(counts.started)} under way`,
    counts.waiting > 0 && `${countInWords(counts.waiting)} not started yet`,
    counts.refused > 0 && `${countInWords(counts.refused)} refused`,
    counts.failed > 0 && `${countInWords(counts.failed)} failed`,
    counts.gone > 0 && `${countInWords(counts.gone)} deleted since`,
  ].filter(Boolean);
  return rest.length > 0 ? `${back}; ${rest.join(', ')}.` : `${back}.`;
}

/** Says how far the backups of a batch are: "2 of 5 backups are complete; 1 under way, 1 failed, 1 whose end is not known." */
export function backupsInWords({ counts }: Pick<Batch, 'counts'>): string {
  const complete = `${countInWords(counts.done)} of ${plural(counts.members, 'backup')} ${counts.done === 1 ? 'is' : 'are'} complete`;
  const rest = [
    counts.started > 0 && `${countInWords(counts.started)} under way`,
    counts.waiting > 0 && `${countInWords(counts.waiting)} not started yet`,
    counts.refused > 0 && `${countInWords(counts.refused)} refused`,
    counts.failed > 0 && `${countInWords(counts.failed)} failed`,
    counts.unknown > 0 && `${countInWords(counts.unknown)} whose end is not known`,
  ].filter(Boolean);
  return rest.length > 0 ? `${complete}; ${rest.join(', ')}.` : `${complete}.`;
}

/** Says what a batch is: "Restore of media", "Restore of media to lab", "Backup of media". */
export function batchInWords({ kind, namespace, target_namespace }: Pick<Batch, 'kind' | 'namespace' | 'target_namespace'>): string {
  if (kind === 'backup') return `Backup of ${namespace}`;
  return target_namespace && target_namespace !== namespace ? `Restore of ${namespace} to ${target_namespace}` : `Restore of ${namespace}`;
}
