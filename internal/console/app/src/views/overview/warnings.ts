import type { Status } from '@/api/types';
import type { Tone } from '@/words/health';
import { sentence } from '@/words/vintage';

/** Something about the whole cluster that a person has to know. */
export interface Warning {
  tone: Tone;
  title: string;
  detail: string;
}

const GATE: Record<Status['gate']['state'], Omit<Warning, 'detail'> | null> = {
  closed: null,
  incomplete: { tone: 'bad', title: 'The gate has gaps' },
  off: { tone: 'bad', title: 'The gate is off' },
  unknown: { tone: 'unknown', title: 'Whether the gate is closed is not known' },
};

type Told = Pick<Status, 'gate' | 'restore_mode' | 'clock_doubt' | 'memory_copies'>;

/** Tells what about the cluster is out of the ordinary, the most pressing first. */
export function warningsOf({ gate, restore_mode, clock_doubt, memory_copies }: Told): Warning[] {
  const warnings: Warning[] = [];
  const gap = GATE[gate.state];
  if (gap) warnings.push({ ...gap, detail: gate.message ?? '' });
  if (restore_mode === 'required') {
    warnings.push({
      tone: 'warn',
      title: 'No protected claim starts empty now',
      detail: 'SOTERIA_RESTORE_MODE is required, as for a disaster recovery: a protected claim without a backup waits until there is one, or until it is labelled skip with a reason.',
    });
  }
  if (clock_doubt) {
    warnings.push({ tone: 'bad', title: 'The clocks disagree', detail: `${sentence(clock_doubt)} Until they agree, no backup is called wrongly dated, and no old backup is removed.` });
  }
  for (const copy of memory_copies ?? []) {
    if (copy.message) warnings.push({ tone: copy.rival ? 'bad' : 'warn', title: titleOf(copy), detail: sentence(copy.message) });
  }
  return warnings;
}

function titleOf({ driver, rival }: { driver: string; rival?: string }): string {
  return rival ? 'Another cluster uses the name of this one' : `The copy of Soteria’s memory in the ${driver} repository is not current`;
}
