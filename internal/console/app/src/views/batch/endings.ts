import type { ClaimEvent } from '@/api/types';
import { countResults, type BatchResult } from '@/parts/BatchResults';
import { endingOf, type Ending } from '@/words/ending';
import { countInWords, plural } from '@/words/size';

/** A backup of a batch, by the name of what was started. */
type StartedBackup = BatchResult & { job_name?: string | undefined; backup?: string | undefined };

/** Gives what became of each backup of a batch: how it ended, where an event tells it, in the place of that it was started. */
export function outcomesOf({ results }: { results: StartedBackup[] }, events: readonly ClaimEvent[] = []): BatchResult[] {
  return results.map((each) => {
    const outcome = { ...each, detail: each.job_name ?? each.backup };
    const ending = each.result === 'started' ? endingOf(each, events) : null;
    if (!ending) return outcome;
    return { ...outcome, result: ending.result, ...(ending.result !== 'complete' && { error: ending.message }) };
  });
}

const ENDINGS: Record<Ending['result'] | 'unknown', string> = { complete: 'complete', partial: 'in part', failed: 'failed', unknown: 'not known' };

/** Says how many backups have ended, and how: "2 of 5 backups have ended: 1 complete, 1 failed." */
export function endingsInWords(results: BatchResult[]): string {
  const counts = Object.entries(ENDINGS).map(([result, words]) => ({ words, count: countResults({ results }, result) }));
  const ended = counts.reduce((sum, { count }) => sum + count, 0);
  const all = ended + countResults({ results }, 'started');
  const how = counts.flatMap(({ words, count }) => (count > 0 ? [`${countInWords(count)} ${words}`] : []));
  return `${countInWords(ended)} of ${plural(all, 'backup has', 'backups have')} ended${ended > 0 ? `: ${how.join(', ')}` : ''}.`;
}
