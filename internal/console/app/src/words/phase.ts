import type { Restore } from '@/api/types';
import type { Tone, Wording } from './health';

/** The phases of a restore, in their order. */
export const PHASES = ['Pending', 'Selecting', 'Preparing', 'Transferring', 'Verifying', 'HandingOver', 'Completed'] as const;

const MEANINGS: Record<string, [label: string, meaning: string]> = {
  Pending: ['Pending', 'The controller has not taken the claim up yet.'],
  Selecting: ['Selecting', 'The backup is being chosen.'],
  Preparing: ['Preparing', 'The volume is being made ready.'],
  Transferring: ['Transferring', 'Bytes are moving.'],
  Verifying: ['Verifying', 'What came back is being checked.'],
  HandingOver: ['Handing over', 'The volume is being bound to the claim.'],
  Completed: ['Completed', 'The claim is bound to its data.'],
};

/** Puts a restore's phase in words. */
export function phaseInWords(restore: Pick<Restore, 'phase' | 'retry_at'>): Wording {
  const [label, meaning] = MEANINGS[restore.phase] ?? [restore.phase, ''];
  return { label, meaning, tone: toneOf(restore) };
}

function toneOf(restore: Pick<Restore, 'phase' | 'retry_at'>): Tone {
  if (isOver(restore)) return 'ok';
  return restore.retry_at ? 'warn' : 'busy';
}

/** Whether a restore has ended: only Completed is an end, all else is tried again. */
export function isOver(restore: Pick<Restore, 'phase'>): boolean {
  return restore.phase === 'Completed';
}

/** Gives the place of a phase in their order; -1 for one that the console does not know. */
export function stepOf(phase: string): number {
  return (PHASES as readonly string[]).indexOf(phase);
}
