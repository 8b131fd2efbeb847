import type { InventoryClaim, Listing } from '@/api/types';
import { doubtsOf, waitingIn, waitingInWords, type Doubt } from '@/words/doubt';
import { Settle } from './Command';
import { Notice } from './Notice';

/** Something in doubt, and how it is settled. */
export function DoubtNotice({ doubt, waits }: { doubt: Doubt; waits?: string }) {
  return (
    <Notice tone={doubt.tone} title={doubt.title}>
      <p>{doubt.detail}</p>
      {waits && <p>{waits}</p>}
      <Settle command={doubt.settle} />
    </Notice>
  );
}

/** What is in doubt of the repositories; with the claims, how many wait for it. */
export function Doubts({ listings, claims }: { listings: readonly Listing[]; claims?: readonly InventoryClaim[] }) {
  const waits = claims && waitingInWords(waitingIn(claims));
  return doubtsOf(listings).map((doubt) => <DoubtNotice key={doubt.key} doubt={doubt} waits={waits} />);
}
