import type { Backup } from '@/api/types';
import type { Wording } from './health';

const UNKNOWN: Wording = { label: 'Outcome unknown', tone: 'unknown', meaning: 'Nothing saw it end, so it may lack files.' };

const OUTCOMES: Partial<Record<string, Wording>> = {
  complete: { label: 'Complete', tone: 'ok', meaning: 'Everything was read.' },
  partial: { label: 'Partial', tone: 'warn', meaning: 'Some files could not be read when it was taken.' },
  void: { label: 'Void', tone: 'bad', meaning: 'It was saved and does not count: it lost most of what the one before it held, or its claim was deleted meanwhile.' },
  unknown: UNKNOWN,
};

/** Puts in words how the taking of a backup ended. One that does not say how is unknown. */
export function takingInWords({ outcome }: Partial<Pick<Backup, 'outcome'>>): Wording {
  if (outcome === undefined) return UNKNOWN;
  return OUTCOMES[outcome] ?? { label: outcome, tone: 'unknown', meaning: 'This console does not know the word.' };
}

type Judged = Pick<Backup, 'cluster' | 'objection' | 'unrestorable' | 'far_less_than'>;

/** What speaks against a backup besides its outcome, the gravest first. Each is a reason to look before it is restored. */
export function remarksOn({ cluster, objection, unrestorable, far_less_than }: Judged): Wording[] {
  const remarks: Wording[] = [];
  if (unrestorable) remarks.push({ label: 'Cannot be restored', tone: 'bad', meaning: `It cannot be restored: ${unrestorable}.` });
  const against = objectionInWords(objection, cluster);
  if (against) remarks.push(against);
  if (far_less_than) {
    remarks.push({ label: 'Holds far less', tone: 'warn', meaning: `It holds at most a quarter of what the backup before it holds (${far_less_than}).` });
  }
  return remarks;
}

function objectionInWords(objection: string | undefined, cluster: string | undefined): Wording | null {
  switch (objection) {
    case undefined:
    case 'void': // its outcome says so
      return null;
    case 'other-cluster':
      return { label: 'Another cluster’s', tone: 'idle', meaning: `It is of ${cluster ? `cluster ${cluster}` : 'a cluster that it does not name'}. It is restored only if somebody asks for it.` };
    case 'implausible-time':
      return { label: 'Date in the future', tone: 'bad', meaning: 'Its date cannot be right: it is more than 10 minutes ahead of now. It is restored only if somebody names it.' };
    case 'unreviewed':
      return { label: 'Not reviewed', tone: 'warn', meaning: 'It may be of an empty volume: its claim was bound without Soteria’s verdict. It is restored only if somebody names it.' };
    default:
      return { label: objection, tone: 'unknown', meaning: 'It is restored only if somebody names it.' };
  }
}

/** What is to be known of a backup before it is restored: how it ended unless all was read, and what speaks against it. */
export function warningsOn(backup: Judged & Pick<Backup, 'outcome'>): Wording[] {
  const remarks = remarksOn(backup);
  return backup.outcome === 'complete' ? remarks : [...remarks, takingInWords(backup)];
}
