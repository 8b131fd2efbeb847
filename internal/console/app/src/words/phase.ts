import type { Restore } from '@/api/types';
import { CHECKING, CHECKING_REASON, GROUP_WORDS, type Tone, type Wording } from './health';

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

type Waiting = Pick<Restore, 'phase' | 'backup' | 'conditions'>;

/** Returns why a restore that looked for a backup may neither take one nor start empty yet; undefined where that is settled, or was not looked at. */
function unsettled({ phase, backup, conditions }: Waiting): string | undefined {
  if ((phase !== 'Pending' && phase !== 'Selecting') || backup) return undefined;
  return conditions.find(({ type, met }) => type === 'Selected' && !met)?.reason;
}

/** Whether the look for a restore's backup takes its usual time: it starts by itself within seconds. */
export function isChecking(restore: Waiting): boolean {
  return unsettled(restore) === CHECKING_REASON;
}

/**
 * Whether a restore is held: it looked for a backup, and may neither take one nor start empty. Nothing moves then, though its
 * phase is Selecting.
 */
export function isHeld(restore: Waiting): boolean {
  return unsettled(restore) !== undefined && !isChecking(restore);
}

/** Whether a restore is among its steps: it is neither held nor checking. */
export function isMoving(restore: Waiting): boolean {
  return !isOver(restore) && unsettled(restore) === undefined;
}

/** Puts how a restore stands in words: one state, which is not that of a step where it is held. */
export function standingOf(restore: Waiting & Pick<Restore, 'retry_at'>): Wording {
  if (isChecking(restore)) return CHECKING;
  return isHeld(restore) ? GROUP_WORDS.held : phaseInWords(restore);
}
