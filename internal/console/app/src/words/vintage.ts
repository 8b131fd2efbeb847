import type { Listing, Status } from '@/api/types';
import type { Tone } from './health';

/** How old a report and a listing get at most while all is well, in milliseconds. */
export interface MaxAges {
  report: number;
  listing: number;
}

/** What holds until Soteria has said what it is set to: more than it is by default. */
const UNTOLD: MaxAges = { report: 15 * 60_000, listing: 15 * 60_000 };

/** Gives how old a report and a listing get at most while all is well. */
export function maxAges(status: Pick<Status, 'report_max_age_seconds' | 'listing_max_age_seconds'> | undefined): MaxAges {
  return status ? { report: status.report_max_age_seconds * 1000, listing: status.listing_max_age_seconds * 1000 } : UNTOLD;
}

/** Whether a time is so long ago that what is of it may not be so any more. */
export function isOld(time: string, maxAge: number, now: Date): boolean {
  return now.getTime() - new Date(time).getTime() > maxAge;
}

/** How long a first listing takes at most while all is well, in milliseconds. */
const FIRST_LOOK = 60_000;

/** What is wrong with what is known of a driver's repository. */
export interface Trouble {
  tone: Tone;
  title: string;
  detail: string;
}

/** Tells what is wrong with a listing; null where it is recent and was believed. `since` is since when it has been looked at here. */
export function listingTrouble(listing: Listing, maxAge: number, now: Date, since: Date): Trouble | null {
  if (listing.error) {
    return { tone: 'unknown', title: `The ${listing.driver} repository cannot be listed`, detail: `${sentence(listing.error)} What it holds is unknown, so claims without a known backup wait.` };
  }
  if (!listing.listed_at) {
    if (now.getTime() - since.getTime() < FIRST_LOOK) {
      return { tone: 'busy', title: `The ${listing.driver} repository is being looked at for the first time`, detail: 'Claims without a known backup wait for that, and start in seconds.' };
    }
    return { tone: 'unknown', title: `The ${listing.driver} repository has not been listed yet`, detail: 'What it holds is unknown.' };
  }
  if (isOld(listing.listed_at, maxAge, now)) {
    return { tone: 'unknown', title: `The ${listing.driver} repository was not listed lately`, detail: 'Backups may have come or gone since.' };
  }
  return null;
}

/** Ends a text as a sentence ends. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
