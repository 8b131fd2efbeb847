import type { Backup, BackupStarted, PolicyClaim } from '@/api/types';

/** A backup that was asked for here: what was started, when, and which backups there were; null where nobody could tell. */
export interface Watch {
  started: BackupStarted;
  at: number;
  before: readonly Backup[] | null;
}

/** What became of it. */
export type Watched = { state: 'waiting' } | { state: 'there'; backup: Backup } | { state: 'failed'; message: string } | { state: 'unseen' };

/** How long a backup is waited for, in milliseconds. A longer one shows up in the list all the same. */
export const PATIENCE = 60 * 60_000;

/**
 * Tells what became of a backup: it is there once its driver lists one that is newer than all that were there. That it failed is
 * known only of claims that a policy holds for, and only if that failed since.
 */
export function watched({ started, at, before }: Watch, backups: readonly Backup[], standing: PolicyClaim | undefined, now: number): Watched {
  const newest = before && newestOf(before, started.driver);
  const backup = backups.find(({ driver, taken_at }) => newest !== null && driver === started.driver && Date.parse(taken_at) > newest);
  if (backup) return { state: 'there', backup };
  if (standing?.state === 'failing' && started.job_name && standing.message?.includes(started.job_name)) return { state: 'failed', message: standing.message };
  return now - at > PATIENCE ? { state: 'unseen' } : { state: 'waiting' };
}

/** Gives when the newest backup of a driver was taken, in milliseconds; 0 where it has none. */
function newestOf(backups: readonly Backup[], driver: string): number {
  return Math.max(0, ...backups.filter((backup) => backup.driver === driver).map(({ taken_at }) => Date.parse(taken_at)));
}

/** Gives how long to wait before looking again, in milliseconds: three seconds at first, then ever longer, to half a minute. */
export function waitToLook(watch: Watch, now: number): number {
  return Math.min(30_000, Math.max(3000, (now - watch.at) / 10));
}
