import { useQuery } from '@tanstack/react-query';
import { statusQuery } from '@/api/queries';
import type { Listing } from '@/api/types';
import { useState } from 'react';
import { isOld, listingTrouble, maxAges } from '@/words/vintage';
import { Age } from './Age';
import { Settle } from './Command';
import { Notice } from './Notice';
import { useNow } from './now';

interface Props {
  generatedAt: string;
  listings: Listing[];
}

/** Says what may be wrong with a report for its age, or for repositories that could not be listed. */
export function Vintage({ generatedAt, listings }: Props) {
  const now = useNow();
  const [since] = useState(now);
  const { report, listing: listed } = maxAges(useQuery(statusQuery).data);
  return (
    <>
      {isOld(generatedAt, report, now) && (
        <Notice tone="warn" title="These facts are old.">
          Soteria gathered them <Age time={generatedAt} />, and should have done so again since. Its log tells why it has not.
        </Notice>
      )}
      {listings.map((listing) => {
        const trouble = listingTrouble(listing, listed, now, since);
        if (!trouble) return null;
        return (
          <Notice key={listing.driver} tone={trouble.tone} title={trouble.title}>
            {trouble.detail} {listing.listed_at && <>Last listed <Age time={listing.listed_at} />.</>}
            <Settle command={listing.settle} />
          </Notice>
        );
      })}
    </>
  );
}
