import type { Backup } from '@/api/types';
import { changeInWords } from '@/words/size';
import { groupBy } from '@/words/group';

/** A backup, and how its size differs from the one before it of the same driver. */
export interface TimelineBackup extends Backup {
  change: string | null;
}

/** Puts changes of size beside backups, which are newest first. Sizes of different drivers are not compared. */
export function withChanges(backups: readonly Backup[]): TimelineBackup[] {
  const older = new Map<string, number | null>();
  return backups
    .toReversed()
    .map((backup) => {
      const before = older.get(backup.driver);
      older.set(backup.driver, backup.size_bytes);
      return { ...backup, change: changeInWords(backup.size_bytes, before) };
    })
    .reverse();
}

/** A mark on a lane: where in time, from 0 (oldest) to 1, and how large beside the largest, from 0 to 1. */
export interface Mark {
  id: string;
  x: number;
  /** Null where the driver does not know the size. */
  height: number | null;
}

/** The backups of one driver along time. */
export interface Lane {
  driver: string;
  marks: Mark[];
}

/** Lays backups out along time, from the oldest to now, a lane for each driver. */
export function lanesOf(backups: readonly Backup[], now: Date): Lane[] {
  const times = backups.map(({ taken_at }) => Date.parse(taken_at));
  const begin = Math.min(...times);
  const span = Math.max(1, now.getTime() - begin);
  const largest = Math.max(1, ...backups.map(({ size_bytes }) => size_bytes ?? 0));
  const lanes = groupBy(backups, ({ driver }) => driver);
  return [...lanes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([driver, each]) => ({
    driver,
    marks: each.map(({ id, taken_at, size_bytes }) => ({
      id,
      x: Math.min(1, (Date.parse(taken_at) - begin) / span),
      height: size_bytes === null ? null : size_bytes / largest,
    })),
  }));
}
