import { useQuery } from '@tanstack/react-query';
import { statusQuery } from '@/api/queries';
import type { Backups, ClaimName, InventoryClaim } from '@/api/types';
import { DoubtNotice, Doubts } from '@/parts/Doubts';
import { doubtsAbout } from '@/words/doubt';
import { isClaimHeld } from '@/words/health';

interface Props {
  claim: ClaimName;
  entry: InventoryClaim | undefined;
  backups: Backups | undefined;
}

/** What is in doubt of a claim's backups and, while the claim waits, of the repositories. */
export function ClaimDoubts({ claim, entry, backups }: Props) {
  const { data: status } = useQuery(statusQuery);
  const waits = !!entry && (isClaimHeld(entry) || entry.health_reason === 'lookup_failed');
  return (
    <>
      {doubtsAbout(claim, status, backups).map((doubt) => (
        <DoubtNotice key={doubt.key} doubt={doubt} />
      ))}
      {waits && status && <Doubts listings={status.listings} said={entry.health_message} />}
    </>
  );
}
