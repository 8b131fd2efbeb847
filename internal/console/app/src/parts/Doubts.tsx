import type { InventoryClaim, Listing } from '@/api/types';
import { doubtsOf, waitingIn, waitingInWords, type Doubt } from '@/words/doubt';
import { Settle } from './Command';
import { Notice } from './Notice';

/** Something in doubt, and how it is settled. What was `said` already is not said again. */
export function DoubtNotice({ doubt, waits, said }: { doubt: Doubt; waits?: string; said?: string | undefined }) {
  return (
    <Notice tone={doubt.tone} title={doubt.title}>
      {!said?.includes(doubt.detail) && <p>{doubt.detail}</p>}
      {waits && <p>{waits}</p>}
      <Settle command={doubt.settle} />
    </Notice>
  );
}

/** What is in doubt of the repositories; with the claims, how many wait for it. */
export function Doubts({ listings, claims, said }: { listings: readonly Listing[]; claims?: readonly InventoryClaim[]; said?: string | undefined }) {
  const waits = claims && waitingInWords(waitingIn(claims));
  return doubtsOf(listings).map((doubt) => <DoubtNotice key={doubt.key} doubt={doubt} waits={waits} said={said} />);
}
