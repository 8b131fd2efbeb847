import type { Backup, Backups } from '@/api/types';
import { useNow } from '@/parts/now';
import { Choice, TextField } from '@/parts/TextField';
import { agoInWords, localInput, shortTime, timeOfInput } from '@/words/age';
import { shortId } from '@/words/id';
import { warningsOn } from '@/words/remarks';
import { sizeInWords } from '@/words/size';
import { CLAIM_LABELS } from './labels';
import type { Wish } from './wish';

const LATEST = 'latest';
const AS_OF = 'as-of';

const TIMES = [
  { value: LATEST, label: 'The latest of each claim' },
  { value: AS_OF, label: 'The newest of each as of a time…' },
] as const;

interface Props {
  wish: Pick<Wish, 'snapshot' | 'asOf'>;
  /** The backups to choose from; undefined while they are not known. */
  data: Backups | undefined;
  /** When the backup was taken that the plan shows, and why none can be chosen. */
  found: string | undefined;
  unmet: string | null;
  onChange: (wish: { snapshot: string | undefined; asOf: string | undefined }) => void;
  error: string | null;
}

/** The choice of a backup: the latest, one of the list, or the newest as of a time. */
export function BackupChoice({ wish, data, found, unmet, onChange, error }: Props) {
  const now = useNow();
  const backups = data?.backups ?? [];
  const label = (backup: Backup) => labelOf(backup, now);
  const chosen = backups.find(({ driver, id }) => id === data?.chosen?.id && driver === data.chosen.driver);
  const options = [
    { value: LATEST, label: chosen ? `${chosen === backups[0] ? 'The latest' : 'The latest that counts'}: ${label(chosen)}` : 'The latest' },
    { value: AS_OF, label: 'The newest as of a time…' },
    ...backups.map((backup) => ({ value: backup.id, label: label(backup) })),
  ];
  if (wish.snapshot && !backups.some(({ id }) => id === wish.snapshot)) options.push({ value: wish.snapshot, label: shortId(wish.snapshot) });
  const choose = (value: string) => onChange({ snapshot: value === LATEST || value === AS_OF ? undefined : value, asOf: value === AS_OF ? '' : undefined });
  return (
    <div className="fields">
      <Choice label={CLAIM_LABELS.snapshot} value={wish.snapshot ?? (wish.asOf === undefined ? LATEST : AS_OF)} options={options} onChange={choose} error={error} />
      {wish.asOf !== undefined && <AsOf asOf={wish.asOf} found={found} error={unmet} onChange={(asOf) => onChange({ snapshot: undefined, asOf })} />}
    </div>
  );
}

/** A backup in a line: when it was taken, by what, how large it is, and what speaks against it. */
function labelOf(backup: Backup, now: Date): string {
  const taken = new Date(backup.taken_at);
  const flaws = warningsOn(backup).map(({ label }) => label.toLowerCase());
  return [shortTime(taken), agoInWords(taken, now), backup.driver, shortId(backup.id), sizeInWords(backup.size_bytes), ...(flaws.length > 0 ? [flaws.join(', ')] : [])].join(' · ');
}

interface TimeProps {
  asOf: string | undefined;
  unmet: string | null;
  onChange: (asOf: string | undefined) => void;
}

/** The choice of the backups of a namespace: the latest of each claim, or the newest as of a time. */
export function TimeChoice({ asOf, unmet, onChange }: TimeProps) {
  return (
    <>
      <Choice label="Backups" value={asOf === undefined ? LATEST : AS_OF} options={TIMES} onChange={(value) => onChange(value === AS_OF ? '' : undefined)} />
      {asOf !== undefined && <AsOf asOf={asOf} error={unmet} onChange={onChange} />}
    </>
  );
}

interface AsOfProps {
  asOf: string;
  found?: string | undefined;
  error: string | null;
  onChange: (asOf: string) => void;
}

function AsOf({ asOf, found, error, onChange }: AsOfProps) {
  return (
    <TextField
      label={CLAIM_LABELS.as_of}
      type="datetime-local"
      value={localInput(asOf)}
      onChange={(typed) => onChange(timeOfInput(typed))}
      hint={found ? `The newest by then is of ${shortTime(new Date(found))}.` : 'Your local time.'}
      error={error}
    />
  );
}
