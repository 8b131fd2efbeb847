import type { Wording } from './health';

/** The outcomes of a plan, what wants a person first. */
export const OUTCOMES = ['refuse', 'hold', 'unprotected', 'start_empty', 'restore', 'leave_alone'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const OUTCOME_WORDS: Record<Outcome, Wording> = {
  refuse: { label: 'Refused', tone: 'bad', meaning: 'Admission would refuse these claims.' },
  hold: { label: 'Held', tone: 'bad', meaning: 'These claims would wait: there is no backup that they require, or nobody could tell.' },
  unprotected: { label: 'Unprotected', tone: 'warn', meaning: 'Nobody protects these claims, so they would start empty.' },
  start_empty: { label: 'Start empty', tone: 'idle', meaning: 'These claims would start empty, as asked or because no backup exists.' },
  restore: { label: 'Come back', tone: 'ok', meaning: 'These claims would be restored.' },
  leave_alone: { label: 'Left alone', tone: 'idle', meaning: 'Soteria would not touch these claims.' },
};

/** Whether the console knows the word of an outcome. */
export function isOutcome(word: string): word is Outcome {
  return (OUTCOMES as readonly string[]).includes(word);
}
