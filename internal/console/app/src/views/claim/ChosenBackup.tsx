import type { Backups } from '@/api/types';
import { Notice } from '@/parts/Notice';
import { shortId } from '@/words/id';
import { Notes } from '@/parts/Remarks';

/** Which backup the claim would get by itself where there is something to be known of it, or why it would get none. */
export function ChosenBackup({ backups: { chosen, unchosen } }: { backups: Backups }) {
  if (unchosen) {
    return (
      <Notice tone="bad" title="None of these backups is restored by itself">
        {unchosen}
      </Notice>
    );
  }
  if (!chosen?.notes) return null;
  return (
    <Notice tone="warn" title={`The backup that is restored by itself is ${shortId(chosen.id)}, by ${chosen.driver}`}>
      <Notes notes={chosen.notes} />
    </Notice>
  );
}
