/** When a request was sent and its answer came by the browser's clock, and when it was answered by the server's, in milliseconds. */
export interface Sample {
  sent: number;
  received: number;
  served: number;
}

/** Half of what the header Date leaves out: it has whole seconds. */
const HALF_A_SECOND = 500;
/** An answer that took longer than this says little about the clock. */
const SLOW = 5000;
/** What is within the error of such a measurement. */
const NEGLIGIBLE = 5000;
/** A difference that a person should know of. */
const NOTABLE = 60_000;

/**
 * Returns how far the server's clock is ahead of the browser's, in milliseconds; 0 where they agree as far as can be told. A
 * cache between the two only ever makes an answer look older, so that the greatest difference counts.
 */
export function skewOf(samples: readonly Sample[]): number {
  const quick = samples.filter(({ sent, received }) => received >= sent && received - sent <= SLOW);
  if (quick.length === 0) return 0;
  const skew = Math.max(...quick.map(({ sent, received, served }) => served + HALF_A_SECOND - (sent + received) / 2));
  return Math.abs(skew) <= NEGLIGIBLE ? 0 : Math.round(skew);
}

/** Whether clocks differ by so much that a person should know. */
export function isNotable(skew: number): boolean {
  return Math.abs(skew) >= NOTABLE;
}
