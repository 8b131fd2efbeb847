import type { Restore } from '@/api/types';

/** How far a restore was at a time (milliseconds). */
export interface Sample {
  at: number;
  attempt: number;
  bytes: number;
}

/** What the samples of a restore tell. The rate is null until two samples differ in time. */
export interface Pace {
  bytesPerSecond: number | null;
  /** Milliseconds until the last byte; null where it cannot be told. */
  left: number | null;
}

/** How far back samples count, in milliseconds: long enough to be calm, short enough to be true. */
const WINDOW = 60_000;

/** Adds what a restore says now to its samples. A new attempt, or bytes that went back, begin anew. */
export function sampled(samples: readonly Sample[], restore: Restore, at: number): Sample[] {
  if (!restore.progress) return [];
  const sample = { at, attempt: restore.attempt, bytes: restore.progress.bytes_done };
  const last = samples.at(-1);
  if (last?.attempt !== sample.attempt || last.bytes > sample.bytes) return [sample];
  if (last.at >= at) return [...samples];
  return [...samples.filter((each) => at - each.at <= WINDOW), sample];
}

/** Gives the rate over the samples and the time that is left at that rate. */
export function pace(samples: readonly Sample[], total: number): Pace {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.at <= first.at) return { bytesPerSecond: null, left: null };
  const bytesPerSecond = ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  if (total <= 0 || bytesPerSecond <= 0) return { bytesPerSecond, left: null };
  return { bytesPerSecond, left: (Math.max(0, total - last.bytes) * 1000) / bytesPerSecond };
}

/** Gives how much is done, from 0 to 1; null while the total is unknown. */
export function shareDone(restore: Pick<Restore, 'phase' | 'progress'>): number | null {
  if (restore.phase === 'Completed') return 1;
  if (!restore.progress || restore.progress.bytes_total <= 0) return null;
  return Math.min(1, restore.progress.bytes_done / restore.progress.bytes_total);
}
