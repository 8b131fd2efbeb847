import { skewOf, type Sample } from '@/words/clock';

/** How many of the last answers are looked at. */
const LAST = 8;

const listeners = new Set<() => void>();
let samples: Sample[] = [];
let skew = 0;

/** Takes note of when a request was sent, by the browser's clock, and answered, by the server's as its header Date says. */
export function noteAnswer(sent: number, response: Response): void {
  const served = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isNaN(served)) return;
  samples = [...samples.slice(1 - LAST), { sent, received: Date.now(), served }];
  const next = skewOf(samples);
  if (Math.abs(next - skew) < 1000) return;
  skew = next;
  for (const listener of listeners) listener();
}

/** Returns how far the server's clock is ahead of the browser's, in milliseconds. */
export function currentSkew(): number {
  return skew;
}

/** Has a function called when that changes; returns the function that ends it. */
export function onSkew(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Forgets what was noted, as when another server is talked to. */
export function forgetClock(): void {
  samples = [];
  skew = 0;
}
