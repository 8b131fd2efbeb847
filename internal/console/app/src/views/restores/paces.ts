import { useEffect, useState } from 'react';
import type { Restore } from '@/api/types';
import { pace, sampled, type Pace, type Sample } from '@/words/rate';

const UNKNOWN: Pace = { bytesPerSecond: null, left: null };

/** Names a restore among all. */
export function keyOf({ namespace, name }: Pick<Restore, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

/**
 * Watches how fast restores go. The API tells how many bytes have been moved, so that the rate is seen only by those
 * who look for a while. `at` is when the restores were told, in milliseconds.
 */
export function usePaces(restores: readonly Restore[], at: number): (restore: Restore) => Pace {
  const [seen, setSeen] = useState<ReadonlyMap<string, Sample[]>>(new Map());
  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- samples are what earlier answers said: they cannot be derived from this one
    setSeen((before) => new Map(restores.map((restore) => [keyOf(restore), sampled(before.get(keyOf(restore)) ?? [], restore, at)])));
  }, [restores, at]);
  return (restore) => (restore.progress ? pace(seen.get(keyOf(restore)) ?? [], restore.progress.bytes_total) : UNKNOWN);
}
