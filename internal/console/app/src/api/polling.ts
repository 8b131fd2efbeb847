import type { Query } from '@tanstack/react-query';
import { isOver } from '@/words/phase';
import type { Restores } from './types';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

const FASTEST = 2 * SECOND;
const SLOWEST = 30 * SECOND;

/**
 * Gives how long to wait before asking for restores again: two seconds while something moves, twice as long after
 * each answer that is the same as the one before or that failed, half a minute at most; half a minute, too, while
 * nothing is being restored.
 */
export function waitForRestores(restores: Restores | undefined, sameAnswers: number): number {
  if (restores?.restores.every(isOver)) return SLOWEST;
  return Math.min(SLOWEST, FASTEST * 2 ** sameAnswers);
}

/** Gives how long to wait before looking again at what began at a time: three seconds at first, then ever longer, half a minute at most. */
export function waitToLook(begun: number, now: number): number {
  return Math.min(SLOWEST, Math.max(3 * SECOND, (now - begun) / 10));
}

type RestoresQuery = Query<Restores, Error, Restores, string[]>;

/** Makes the function that times one query for restores. The cache keeps an answer's object while it says the same. */
export function pollRestores(): (query: RestoresQuery) => number {
  const seen = new WeakMap<RestoresQuery, { data: Restores | undefined; answers: number; same: number }>();
  return (query) => {
    const { data, dataUpdateCount, errorUpdateCount } = query.state;
    const answers = dataUpdateCount + errorUpdateCount;
    const before = seen.get(query) ?? { data, answers, same: 0 };
    const now = before.data !== data ? { data, answers, same: 0 } : { data, answers, same: before.same + answers - before.answers };
    seen.set(query, now);
    return waitForRestores(data, now.same);
  };
}
