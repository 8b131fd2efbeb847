import type { ClaimChoice } from '@/api/types';
import { Moment } from '@/parts/Age';
import { Command } from '@/parts/Command';
import { Notice } from '@/parts/Notice';

/** What a claim's manifest asks of its restore, which a person wrote for one recovery, and how it is dropped. */
export function Choice({ choice }: { choice: ClaimChoice }) {
  const { expired, spent, expires, message, drop } = choice;
  return (
    <Notice tone={expired || !spent ? 'idle' : 'warn'} title={titleOf(choice)}>
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

function titleOf({ expired, spent }: ClaimChoice): string {
  if (expired) return 'The manifest asks for a backup, which does not count any more';
  return spent ? 'If this claim were made again, it would get this backup again' : 'The manifest says which backup this claim gets';
}
