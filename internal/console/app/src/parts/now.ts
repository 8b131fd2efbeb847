import { useSyncExternalStore } from 'react';
import { currentSkew, onSkew } from '@/api/clock';

const TICK = 10_000;
const listeners = new Set<() => void>();
let now = serverTime();
let timer: ReturnType<typeof setInterval> | undefined;

/** Returns the time by Soteria's clock, in milliseconds. `at` is a time by the browser's; by default it is now. */
export function serverTime(at = Date.now()): number {
  return at + currentSkew();
}

function tick(): void {
  now = serverTime();
  for (const each of listeners) each();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = serverTime();
  timer ??= setInterval(tick, TICK);
  const end = onSkew(tick);
  return () => {
    end();
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function current(): number {
  if (listeners.size === 0) now = serverTime();
  return now;
}

/** Gives the time by Soteria's clock, to some seconds; who uses it is rendered again as time goes by. */
export function useNow(): Date {
  return new Date(useSyncExternalStore(subscribe, current));
}

/** Gives how far Soteria's clock is ahead of the browser's, in milliseconds. */
export function useSkew(): number {
  return useSyncExternalStore(onSkew, currentSkew);
}
