import type { Backup, BackupStarted, ClaimEvent } from '@/api/types';
import { endingOf } from '@/words/ending';

/** A backup that was asked for here: what was started, when, and which backups there were; null where nobody could tell. */
export interface Watch {
  started: BackupStarted;
  at: number;
  before: readonly Backup[] | null;
}

/** What became of it. `lacking` says which files it lacks. */
export type Watched =
  | { state: 'waiting' }
  | { state: 'unlisted'; lacking: string | null }
  | { state: 'there'; backup: Backup; lacking: string | null }
  | { state: 'failed'; message: string }
  | { state: 'unseen' };

/** How long a backup is waited for, in milliseconds. A longer one shows up in the list all the same. */
export const PATIENCE = 60 * 60_000;

/**
 * Tells what became of a backup: an event on its claim says how it ended, and it is there once its driver lists one that is
 * newer than all that were there.
 */
export function watched({ started, at, before }: Watch, backups: readonly Backup[], events: readonly ClaimEvent[], now: number): Watched {
  const ending = endingOf(started, events);
  if (ending?.result === 'failed') return { state: 'failed', message: ending.message };
  const lacking = ending?.result === 'partial' ? ending.message : null;
  const newest = before && newestOf(before, started.driver);
  const backup = backups.find(({ driver, taken_at }) => newest !== null && driver === started.driver && Date.parse(taken_at) > newest);
  if (backup) return { state: 'there', backup, lacking };
  if (ending) return { state: 'unlisted', lacking };
  return now - at > PATIENCE ? { state: 'unseen' } : { state: 'waiting' };
}

/** Gives when the newest backup of a driver was taken, in milliseconds; 0 where it has none. */
function newestOf(backups: readonly Backup[], driver: string): number {
  return Math.max(0, ...backups.filter((backup) => backup.driver === driver).map(({ taken_at }) => Date.parse(taken_at)));
}
