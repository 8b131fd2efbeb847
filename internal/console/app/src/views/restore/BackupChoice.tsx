import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { failureOf } from '@/api/errors';
import { backupsQuery } from '@/api/queries';
import type { Backup, ClaimName } from '@/api/types';
import { useNow } from '@/parts/now';
import { Choice, TextField } from '@/parts/TextField';
import { ageInWords, shortTime } from '@/words/age';
import { warningsOn } from '@/words/remarks';
import { sizeInWords } from '@/words/size';
import { newestAsOf } from './wish';

/** How many backups there are to choose from; older ones are found on the claim's page. */
export const OFFERED = 200;
const LATEST = 'latest';

interface Props {
  claim: ClaimName;
  snapshot: string | undefined;
  onChange: (snapshot: string | undefined) => void;
  error: string | null;
}

/** The choice of a backup: the latest, one of the list, or the newest as of a time. */
export function BackupChoice({ claim, snapshot, onChange, error }: Props) {
  const now = useNow();
  const { data, error: failure } = useQuery(backupsQuery(claim, OFFERED));
  const backups = data?.backups ?? [];
  const label = (backup: Backup) => `${shortTime(new Date(backup.taken_at))} · ${ageInWords(new Date(backup.taken_at), now)} · ${backup.driver} · ${sizeInWords(backup.size_bytes)}${flawsOf(backup)}`;
  const chosen = backups.find(({ driver, id }) => id === data?.chosen?.id && driver === data.chosen.driver);
  const options = [{ value: LATEST, label: chosen ? `${chosen === backups[0] ? 'The latest' : 'The latest that counts'}: ${label(chosen)}` : 'The latest' }, ...backups.map((backup) => ({ value: backup.id, label: label(backup) }))];
  if (snapshot && !backups.some(({ id }) => id === snapshot)) options.push({ value: snapshot, label: snapshot });
  return (
    <div className="fields">
      <Choice label="Backup" value={snapshot ?? LATEST} options={options} onChange={(id) => onChange(id === LATEST ? undefined : id)} error={error ?? (failure && failureOf(failure).message)} />
      <AsOf backups={backups} onChange={onChange} />
    </div>
  );
}

/** What speaks against a backup, for its line in the choice; nothing where all is well. */
function flawsOf(backup: Backup): string {
  const flaws = warningsOn(backup).map(({ label }) => label.toLowerCase());
  return flaws.length > 0 ? ` · ${flaws.join(', ')}` : '';
}

function AsOf({ backups, onChange }: { backups: Backup[]; onChange: (snapshot: string) => void }) {
  const [time, setTime] = useState('');
  const found = time === '' ? undefined : newestAsOf(backups, new Date(time));
  const choose = (text: string) => {
    setTime(text);
    const backup = text === '' ? undefined : newestAsOf(backups, new Date(text));
    if (backup) onChange(backup.id);
  };
  return (
    <TextField
      label="Or the newest as of"
      type="datetime-local"
      value={time}
      onChange={choose}
      hint={found ? `The backup of ${shortTime(new Date(found.taken_at))} is chosen.` : 'Your local time.'}
      error={time !== '' && !found ? 'None of these backups is that old.' : null}
    />
  );
}
