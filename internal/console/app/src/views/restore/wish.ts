import type { Inventory, NamespaceRestore, NamespaceRestoreRequest, RestoreRequest } from '@/api/types';
import { text } from '../inventory/filters';
import { faultOfTime } from './choice';

/** What is wished back, as the address says it. What is absent is the default. */
export interface Wish {
  /** Whether a whole namespace is wished back; else a claim. */
  of?: 'namespace';
  namespace?: string;
  pvc?: string;
  /** A backup's id. */
  snapshot?: string;
  /** As of when the newest backup is wanted, in RFC 3339; empty while no time was said. Without this and `snapshot`, it is the latest. */
  asOf?: string;
  to?: string;
  as?: string;
  storageClass?: string;
  size?: string;
  /** Whether the new claim is to be looked at only: policies pass it over, and health does not count it. */
  look?: true;
  /** After what time a claim that is to be looked at only is removed by itself, as the API takes it; absent: never. */
  expires?: string;
  /** What begins the names of a namespace's new claims. */
  prefix?: string;
  /** Whether claims that exist only as backups are wished back, too; absent: where nothing else is left of the namespace. */
  orphans?: boolean;
  /** The Restore of a claim that was started here: its page is one that can be left and loaded again. */
  started?: string;
  /** Whether Soteria is to make the target namespace. */
  make?: true;
}

const WORDS = ['namespace', 'pvc', 'snapshot', 'to', 'as', 'storageClass', 'size', 'prefix', 'started', 'expires'] as const;

/** Reads a wish from an address's query; what makes no sense there is left out. */
export function readWish(search: Record<string, unknown>): Wish {
  const wish: Wish = {};
  if (search.of === 'namespace') wish.of = 'namespace';
  for (const word of WORDS) {
    const value = text(search[word])?.trim();
    if (value !== undefined) wish[word] = value;
  }
  if (typeof search.asOf === 'string' && wish.snapshot === undefined) wish.asOf = search.asOf.trim();
  if (isTrue(search.orphans)) wish.orphans = true;
  if (search.orphans === false || search.orphans === 'false') wish.orphans = false;
  if (isTrue(search.make)) wish.make = true;
  if (isTrue(search.look)) wish.look = true;
  return wish;
}

function isTrue(value: unknown): value is true | 'true' {
  return value === true || value === 'true';
}

/** How long the name of a claim may be in Kubernetes. */
const LONGEST = 253;

/** Returns a name for a claim's restored copy that no claim has which is known; undefined while the wish names no claim. */
export function freeTarget({ namespace, to, pvc }: Wish, known: { claims: (namespace: string | undefined) => string[] }): string | undefined {
  if (!pvc) return undefined;
  const taken = new Set(known.claims(to ?? namespace));
  for (let name = ended(pvc, '-restored'); ; name = nextName(name)) {
    if (!taken.has(name)) return name;
  }
}

/** Counts a name up that ends in -restored or -restored-<n>. */
export function nextName(name: string): string {
  const [, base = name, count] = /^(.*)-restored(?:-(\d+))?$/.exec(name) ?? [];
  return ended(base, `-restored-${Number(count ?? 1) + 1}`);
}

/** Puts an end to a name, which is cut where it would be too long. */
function ended(name: string, end: string): string {
  return `${name.slice(0, LONGEST - end.length).replace(/[.-]+$/, '')}${end}`;
}

/** Puts a wish for a claim into what is asked for; null while it names none, or wishes for a time that is none. `free` names the new claim where the wish does not. */
export function claimRequest(wish: Wish, free: string | undefined): RestoreRequest | null {
  if (!wish.namespace || !wish.pvc || faultOfTime(wish) !== null) return null;
  return {
    namespace: wish.namespace,
    pvc: wish.pvc,
    ...chosen(wish),
    target_namespace: wish.to ?? wish.namespace,
    target_pvc: wish.as ?? free,
    ...(wish.storageClass && { storage_class: wish.storageClass }),
    ...(wish.size && { size: wish.size }),
    ...(wish.look && { copy: true, ...(wish.expires && { expires: wish.expires }) }),
  };
}

/** Puts a wish for a namespace into a request; null while it names none, or wishes for a time that is none. `prefix` begins the new names where the wish does not say. */
export function namespaceRequest(wish: Wish, orphans: boolean, prefix = ''): NamespaceRestoreRequest | null {
  if (!wish.namespace || faultOfTime(wish) !== null) return null;
  return {
    namespace: wish.namespace,
    target_namespace: wish.to ?? wish.namespace,
    target_prefix: wish.prefix ?? prefix,
    ...chosen({ asOf: wish.asOf }),
    include_orphans: orphans,
    ...(wish.make && { create_namespace: true }),
  };
}

function chosen({ snapshot, asOf }: Pick<Wish, 'snapshot' | 'asOf'>): { snapshot?: string; as_of?: string } {
  return asOf === undefined ? { snapshot: snapshot ?? 'latest' } : { as_of: asOf };
}

/** Whether claims that exist only as backups are restored, too: as wished, or else where no claim of the namespace is left. */
export function withOrphans(wish: Wish, inventory: Inventory | undefined): boolean {
  if (wish.orphans !== undefined) return wish.orphans;
  if (!inventory || !wish.namespace) return false;
  const claims = inventory.namespaces.find(({ name }) => name === wish.namespace)?.pvcs.length ?? 0;
  return claims === 0 && inventory.orphans.some(({ namespace }) => namespace === wish.namespace);
}

/**
 * Puts a plan into the request that does it: of each claim that would be started, the backup that the plan shows, though a newer
 * one may come meanwhile. A Soteria that does not say when the backups were taken takes no list of claims.
 */
export function startOf(request: NamespaceRestoreRequest, { results }: NamespaceRestore): NamespaceRestoreRequest {
  const starting = results.filter(({ result }) => result === 'would_start');
  if (!starting.every(({ backup, taken_at }) => backup && taken_at)) return request;
  return { ...request, claims: starting.map(({ pvc, target_pvc, backup }) => ({ pvc, target_pvc, snapshot: backup ?? 'latest' })) };
}

/** Returns a prefix under which no new name of a plan is taken; null where none of the plan's is. */
export function freePrefix({ results, target_namespace, error }: NamespaceRestore, known: { claims: (namespace: string | undefined) => string[] }): string | null {
  if (!error || !results.some(({ field }) => field === 'target_pvc')) return null;
  return prefixFor(results.map(({ pvc }) => pvc), new Set(known.claims(target_namespace)));
}

/** Returns what begins the new names of a namespace's claims unless it is said: nothing where no claim has their own names, as far as is known. */
export function defaultPrefix(wish: Wish, inventory: Inventory | undefined): string {
  const living = (of: string | undefined) => inventory?.namespaces.find(({ name }) => name === of)?.pvcs.map(({ pvc }) => pvc) ?? [];
  const orphans = withOrphans(wish, inventory) ? (inventory?.orphans.filter(({ namespace }) => namespace === wish.namespace).map(({ pvc }) => pvc) ?? []) : [];
  const sources = [...living(wish.namespace), ...orphans];
  const taken = new Set(living(wish.to ?? wish.namespace));
  return sources.some((pvc) => taken.has(pvc)) ? prefixFor(sources, taken) : '';
}

/** Returns a prefix under which none of these names is taken. */
function prefixFor(names: readonly string[], taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const prefix = n === 1 ? 'restored-' : `restored-${n}-`;
    if (!names.some((name) => taken.has(`${prefix}${name}`))) return prefix;
  }
}
