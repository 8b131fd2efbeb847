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

/** A cause of an outcome: the reasons of verdicts that it is of, or null for all others. */
export interface Cause {
  reasons: readonly string[] | null;
  wording: Wording;
}

const CAUSES: Partial<Record<Outcome, readonly Cause[]>> = {
  hold: [
    { reasons: ['RequiredBackupMissing', 'SourceHasNoBackup'], wording: { label: 'Held: no backup exists', tone: 'bad', meaning: 'These claims require a backup and have none, so they would wait.' } },
    {
      reasons: ['SelectedBackupNotFound', 'InvalidSelection'],
      wording: { label: 'Held: the backup they ask for does not exist', tone: 'bad', meaning: 'Their manifests ask for a backup that none is, or in words that cannot be understood. They would wait until that is corrected.' },
    },
    { reasons: null, wording: { label: 'Held: it cannot be told', tone: 'unknown', meaning: 'Nobody could tell whether these claims have backups, or which is the newest, so they would wait.' } },
  ],
  start_empty: [
    { reasons: ['Skipped'], wording: { label: 'Start empty, as asked', tone: 'idle', meaning: 'These claims are labelled to start empty, with a reason.' } },
    { reasons: null, wording: { label: 'Start empty: no backup exists', tone: 'warn', meaning: 'These claims are protected and have no backup, so there is nothing to bring back.' } },
  ],
};

/** Returns the causes of an outcome that want different things of a person; none where there is one alone. */
export function causesOf(outcome: Outcome): readonly Cause[] {
  return CAUSES[outcome] ?? [];
}
