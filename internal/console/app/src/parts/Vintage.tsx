import type { Listing } from '@/api/types';
import { isOld, listingTrouble } from '@/words/vintage';
import { Age } from './Age';
import { Notice } from './Notice';
import { useNow } from './now';

interface Props {
  generatedAt: string;
  listings: Listing[];
}

/** Says what may be wrong with a report for its age, or for repositories that could not be listed. */
export function Vintage({ generatedAt, listings }: Props) {
  const now = useNow();
  return (
    <>
      {isOld(generatedAt, now) && (
        <Notice tone="warn" title="These facts are old.">
          Soteria gathered them <Age time={generatedAt} />. They are made anew every few minutes; its log tells why not.
        </Notice>
      )}
      {listings.map((listing) => {
        const trouble = listingTrouble(listing, now);
        if (!trouble) return null;
        return (
          <Notice key={listing.driver} tone="unknown" title={trouble.title}>
            {trouble.detail} {listing.listed_at && <>Last listed <Age time={listing.listed_at} />.</>}
          </Notice>
        );
      })}
    </>
  );
}
