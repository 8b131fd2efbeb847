import type { BackupStarted, ClaimEvent } from '@/api/types';

/** How a backup ended, as an event on its claim tells it. */
export interface Ending {
  result: 'complete' | 'partial' | 'failed';
  message: string;
}

const RESULTS: Record<string, Ending['result']> = { BackupCompleted: 'complete', BackupPartial: 'partial', BackupFailed: 'failed' };

/** Gives how a backup that was started ended; null while no event tells of it by its name. */
export function endingOf(started: { [name in 'job_name' | 'backup']?: BackupStarted[name] | undefined }, events: readonly ClaimEvent[]): Ending | null {
  const name = started.job_name ?? started.backup;
  const event = events.find(({ reason, message }) => reason in RESULTS && name !== undefined && namesIn(message).includes(name));
  const result = event && RESULTS[event.reason];
  return result ? { result, message: event.message } : null;
}

/** Gives the words of a message that may be names of Kubernetes' objects. */
function namesIn(message: string): string[] {
  return message.split(/[^a-z0-9.-]+/);
}
