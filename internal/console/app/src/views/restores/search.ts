import type { Restore } from '@/api/types';
import { groupBy } from '@/words/group';
import { CHECKING } from '@/words/health';
import { PHASES, isChecking, isHeld, isOver, phaseInWords, stepOf } from '@/words/phase';
import { countInWords } from '@/words/size';
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

/**
 * Splits the restores that are wanted into those under way, with what failed and waits first and then what is furthest,
 * and those that ended, newest first.
 */
export function split(restores: readonly Restore[], { q }: RestoresSearch): { underWay: Restore[]; over: Restore[] } {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = restores.filter(({ namespace, pvc }) => words.every((word) => `${namespace}/${pvc}`.includes(word)));
  const underWay = wanted.filter((restore) => !isOver(restore));
  return { underWay: underWay.toSorted(byUrgency), over: wanted.filter(isOver) };
}

function byUrgency(a: Restore, b: Restore): number {
  return Number(b.retry_at !== null) - Number(a.retry_at !== null) || stepOf(b.phase) - stepOf(a.phase);
}

/** Says how many restores are held, how many are checking for backups, and how many are in each phase: "1 held, 2 selecting, 1 transferring". */
export function phasesInWords(restores: readonly Restore[]): string {
  const counted = (what: (restore: Restore) => boolean, word: string) => {
    const count = restores.filter(what).length;
    return count > 0 ? [`${countInWords(count)} ${word}`] : [];
  };
  const phases = groupBy(restores.filter((restore) => !isHeld(restore) && !isChecking(restore)), ({ phase }) => phase);
  const moving = [...PHASES, ...[...phases.keys()].filter((phase) => stepOf(phase) < 0)]
    .flatMap((phase) => {
      const count = phases.get(phase)?.length;
      return count ? [`${countInWords(count)} ${phaseInWords({ phase, retry_at: null }).label.toLowerCase()}`] : [];
    });
  return [...counted(isHeld, 'held'), ...counted(isChecking, CHECKING.label.toLowerCase()), ...moving].join(', ');
}
