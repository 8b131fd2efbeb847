import type { Backup, NamespaceRestoreRequest, RestoreRequest } from '@/api/types';
import { text } from '../inventory/filters';

/** What is wished back, as the address says it. What is absent is the default. */
export interface Wish {
  /** Whether a whole namespace is wished back; else a claim. */
  of?: 'namespace';
  namespace?: string;
  pvc?: string;
  /** A backup's id; absent: the latest. */
  snapshot?: string;
  to?: string;
  as?: string;
  storageClass?: string;
  size?: string;
  /** What begins the names of a namespace's new claims. */
  prefix?: string;
  orphans?: true;
}

const WORDS = ['namespace', 'pvc', 'snapshot', 'to', 'as', 'storageClass', 'size', 'prefix'] as const;

/** Reads a wish from an address's query; what makes no sense there is left out. */
export function readWish(search: Record<string, unknown>): Wish {
  const wish: Wish = {};
  if (search.of === 'namespace') wish.of = 'namespace';
  for (const word of WORDS) {
    const value = text(search[word])?.trim();
    if (value !== undefined) wish[word] = value;
  }
  if (search.orphans === true || search.orphans === 'true') wish.orphans = true;
  return wish;
}

/** Gives the name that a claim's restored copy gets unless another is given. */
export function defaultTarget(pvc: string): string {
  return `${pvc}-restored`;
}

/** Puts a wish for a claim into a request; null while it names none. */
export function claimRequest(wish: Wish): RestoreRequest | null {
  if (!wish.namespace || !wish.pvc) return null;
  return {
    namespace: wish.namespace,
    pvc: wish.pvc,
    snapshot: wish.snapshot ?? 'latest',
    target_namespace: wish.to ?? wish.namespace,
    target_pvc: wish.as ?? defaultTarget(wish.pvc),
    ...(wish.storageClass && { storage_class: wish.storageClass }),
    ...(wish.size && { size: wish.size }),
  };
}

/** Puts a wish for a namespace into a request; null while it names none. */
export function namespaceRequest(wish: Wish): NamespaceRestoreRequest | null {
  if (!wish.namespace) return null;
  return {
    namespace: wish.namespace,
    target_namespace: wish.to ?? wish.namespace,
    target_prefix: wish.prefix ?? '',
    snapshot: 'latest',
    include_orphans: wish.orphans ?? false,
  };
}

/** Gives the newest backup that was taken at a time or before it. The backups are newest first. */
export function newestAsOf(backups: readonly Backup[], time: Date): Backup | undefined {
  return backups.find(({ taken_at }) => Date.parse(taken_at) <= time.getTime());
}
