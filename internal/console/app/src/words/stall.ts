import type { Restore } from '@/api/types';

/** A restore that does not go on: what holds it up, why and what to do in the API's words, and since when. */
export interface Stall {
  title: string;
  message: string;
  since: string;
}

/** The type of the condition that says so. It is met while nothing moves. */
export const STALLED = 'Stalled';

const CAUSES: Record<string, string> = {
  NodeLost: 'a node is gone',
  Scheduler: 'no node has room for its pod',
  Kubelet: 'a node cannot start or stop its pod',
  Attacher: 'a volume cannot be attached or detached',
  Quota: 'a quota leaves no room for its pod',
  Policy: 'a policy refuses its pod',
  JobController: 'its Job gets no pod',
  Provisioner: 'the storage makes no volume, or does not delete one',
  BackupSystem: 'the backup system, or its store, does not go on',
  Mover: 'its pod runs and reports no progress',
  Person: 'it waits for a person',
  Unknown: 'nothing says why',
};

/** Gives why a restore does not go on; null while it does. */
export function stallOf({ conditions }: Pick<Restore, 'conditions'>): Stall | null {
  const stalled = conditions.find(({ type, met }) => type === STALLED && met);
  if (!stalled) return null;
  return { title: `Nothing moves: ${CAUSES[stalled.reason] ?? stalled.reason}`, message: stalled.message, since: stalled.since };
}
