import type { Wish } from './wish';

/** What a form of this view is given: the wish as it is typed, and as it stands in the address. */
export interface WishProps {
  draft: Wish;
  /** The wish that plans are asked for: the draft once it has rested. */
  kept: Wish;
  settled: boolean;
  change: (change: Partial<Wish>) => void;
}
