import type { Listing } from '@/api/types';

/** How old a report or a listing may be before the console says so: three times what Soteria aims at by default. */
const OLD = 15 * 60_000;

/** Whether a time is so long ago that what is of it may not be so any more. */
export function isOld(time: string, now: Date): boolean {
  return now.getTime() - new Date(time).getTime() > OLD;
}

/** What is wrong with what is known of a driver's repository. */
export interface Trouble {
  title: string;
  detail: string;
}

/** Tells what is wrong with a listing; null where it is recent and was believed. */
export function listingTrouble(listing: Listing, now: Date): Trouble | null {
  if (listing.error) {
    return { title: `The ${listing.driver} repository cannot be listed`, detail: `${sentence(listing.error)} What it holds is unknown, so claims without a known backup wait.` };
  }
  if (!listing.listed_at) {
    return { title: `The ${listing.driver} repository has not been listed yet`, detail: 'What it holds is unknown.' };
  }
  if (isOld(listing.listed_at, now)) {
    return { title: `The ${listing.driver} repository was not listed lately`, detail: 'Backups may have come or gone since.' };
  }
  return null;
}

/** Ends a text as a sentence ends. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
