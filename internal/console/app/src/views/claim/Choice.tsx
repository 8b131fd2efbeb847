import type { InventoryClaim } from '@/api/types';
import { Moment } from '@/parts/Age';
import { Command } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { actsAgain, choiceInWords, startsEmpty } from '@/words/choice';

/** What a claim's manifest asks of its restore, which a person wrote for one recovery, and how it is dropped. */
export function Choice({ entry: { choice, backup_count } }: { entry: InventoryClaim }) {
  if (!choice) return null;
  const { expired, expires, message, drop } = choice;
  // To start empty takes nothing from a claim of which no backup is.
  const warns = actsAgain(choice) && (!startsEmpty(choice) || backup_count > 0);
  return (
    <Notice tone={warns ? 'warn' : 'idle'} title={choiceInWords(choice)}>
      <p>{message}</p>
      {expires && (
        <p>
          {expired ? 'It has not counted since' : 'It counts until'} <Moment time={expires} due={!expired} />.
        </p>
      )}
      <Command command={drop} label="Drop it; from Git, too, where the manifest is kept there:" />
    </Notice>
  );
}
