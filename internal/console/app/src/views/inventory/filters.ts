import { GROUPS, PROTECTIONS, groupOf, type Group } from '@/words/health';
import type { Inventory, InventoryClaim, Orphan } from '@/api/types';

export const SORTS = ['name', 'age', 'count', 'state'] as const;
export type Sort = (typeof SORTS)[number];

/** What of the inventory is shown, and in which order. It is the address's query: what is absent is the default. */
export interface Filters {
  /** Words that must all be in a claim's namespace/name. */
  q?: string;
  state?: Group | 'orphan';
  protection?: string;
  driver?: string;
  ns?: string;
  sort?: Sort;
  /** Whether the order is turned round. */
  desc?: true;
}

/** Reads filters from an address's query; what makes no sense there is left out. */
export function readFilters(search: Record<string, unknown>): Filters {
  const state = [...GROUPS, 'orphan' as const].find((each) => each === search.state);
  const sort = SORTS.find((each) => each === search.sort);
  return dropEmpty({
    q: text(search.q),
    state,
    protection: text(search.protection),
    driver: text(search.driver),
    ns: text(search.ns),
    sort: sort === 'name' ? undefined : sort,
    desc: search.desc === true || search.desc === 'true' ? true : undefined,
  });
}

/** Reads a word of an address's query. A name of digits alone arrives as a number. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function dropEmpty<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** Whether a filter hides anything. */
export function isFiltered({ q, state, protection, driver, ns }: Filters): boolean {
  return Boolean(q ?? state ?? protection ?? driver ?? ns);
}

/** Gives the claims that the filters let through. */
export function filterClaims(claims: readonly InventoryClaim[], filters: Filters): InventoryClaim[] {
  const named = nameFilter(filters);
  return claims.filter(
    (claim) =>
      named(claim) &&
      (!filters.state || filters.state === groupOf(claim)) &&
      (!filters.protection || filters.protection === claim.protection) &&
      (!filters.driver || filters.driver === claim.driver),
  );
}

/** Gives the orphans that the filters let through. A state or protection is a claim's: orphans have none. */
export function filterOrphans(orphans: readonly Orphan[], filters: Filters): Orphan[] {
  if (filters.protection || (filters.state && filters.state !== 'orphan')) return [];
  const named = nameFilter(filters);
  return orphans.filter((orphan) => named(orphan) && (!filters.driver || filters.driver === orphan.driver));
}

function nameFilter({ q, ns }: Filters): (claim: { namespace: string; pvc: string }) => boolean {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return ({ namespace, pvc }) => {
    if (ns && ns !== namespace) return false;
    const name = `${namespace}/${pvc}`;
    return words.every((word) => name.includes(word));
  };
}

/** Gives the drivers and protections that the inventory has, for those who choose. */
export function choicesIn(inventory: Inventory): { drivers: string[]; protections: string[] } {
  const claims = inventory.namespaces.flatMap(({ pvcs }) => pvcs);
  const drivers = new Set([...claims, ...inventory.orphans].map(({ driver }) => driver).filter(Boolean));
  const present = new Set(claims.map(({ protection }) => protection));
  return { drivers: [...drivers].sort(), protections: Object.keys(PROTECTIONS).filter((each) => present.has(each)) };
}
