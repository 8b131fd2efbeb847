import { shortTime } from '@/words/age';
import type { Wish } from './wish';

/** Says why a time that is wished for is none; null where it is one, or none is wished for. */
export function faultOfTime({ asOf }: Pick<Wish, 'asOf'>): string | null {
  if (asOf === undefined) return null;
  if (asOf === '') return 'Say as of which time, or choose the latest backup.';
  return Number.isNaN(Date.parse(asOf)) ? `“${asOf}” is not a time.` : null;
}

/**
 * Says why backups of these times are not those that are wished for; null where they are. The API chooses: nothing that
 * contradicts the wish is started, whatever it chose.
 */
export function contradictionOf({ asOf }: Pick<Wish, 'asOf'>, takenAt: readonly string[]): string | null {
  if (!asOf) return null;
  const later = takenAt.find((time) => Date.parse(time) > Date.parse(asOf));
  return later === undefined ? null : `Soteria chose a backup of ${shortTime(new Date(later))}, which is later than the time that is wished for.`;
}
