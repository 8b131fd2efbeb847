import type { Restore } from '@/api/types';
import { isOver } from '@/words/phase';
import { text } from '../inventory/filters';

/** Which restores are shown, as the address says it. */
export interface RestoresSearch {
  /** Words that must all be in the namespace/name of the claim. */
  q?: string;
}

/** Reads which restores are wanted from an address's query. */
export function readRestoresSearch(search: Record<string, unknown>): RestoresSearch {
  const q = text(search.q);
  return q === undefined ? {} : { q };
}

/** Splits the restores that are wanted into those under way and those that ended; each stays newest first. */
export function split(restores: readonly Restore[], { q }: RestoresSearch): { underWay: Restore[]; over: Restore[] } {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = restores.filter(({ namespace, pvc }) => words.every((word) => `${namespace}/${pvc}`.includes(word)));
  return { underWay: wanted.filter((restore) => !isOver(restore)), over: wanted.filter(isOver) };
}
