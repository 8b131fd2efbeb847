import type { Inventory, InventoryClaim, Orphan } from '@/api/types';
import { GROUPS, countGroups, groupOf, type Group } from '@/words/health';
import { filterClaims, filterOrphans, type Filters, type Sort } from './filters';
import { groupBy } from '@/words/group';

/** A line of the inventory: a namespace, or below it a claim or what is left of one. */
export type Row =
  | { kind: 'namespace'; key: string; name: string; claims: number; orphans: number; counts: Record<Group, number>; open: boolean }
  | { kind: 'claim'; key: string; claim: InventoryClaim }
  | { kind: 'orphan'; key: string; orphan: Orphan };

/**
 * Lays the inventory out as lines: each namespace that has something to show, then its claims and orphans in order,
 * unless it is closed.
 */
export function rowsOf(inventory: Inventory, filters: Filters, closed: ReadonlySet<string>): Row[] {
  const orphans = groupBy(filterOrphans(inventory.orphans, filters), ({ namespace }) => namespace);
  const claims = new Map(inventory.namespaces.map(({ name, pvcs }) => [name, filterClaims(pvcs, filters)]));
  const names = [...new Set([...claims.keys(), ...orphans.keys()])].sort();
  return names.flatMap((name) => namespaceRows(name, claims.get(name) ?? [], orphans.get(name) ?? [], filters, !closed.has(name)));
}

function namespaceRows(name: string, claims: InventoryClaim[], orphans: Orphan[], filters: Filters, open: boolean): Row[] {
  if (claims.length + orphans.length === 0) return [];
  const head: Row = { kind: 'namespace', key: name, name, claims: claims.length, orphans: orphans.length, counts: countGroups(claims), open };
  if (!open) return [head];
  return [
    head,
    ...sorted(claims, filters).map((claim): Row => ({ kind: 'claim', key: `${name}/${claim.pvc}`, claim })),
    ...orphans.map((orphan): Row => ({ kind: 'orphan', key: `${name}/${orphan.pvc} orphan`, orphan })),
  ];
}

const ORDERS: Record<Sort, (a: InventoryClaim, b: InventoryClaim) => number> = {
  name: byName,
  age: (a, b) => ageOf(a) - ageOf(b),
  count: (a, b) => a.backup_count - b.backup_count,
  state: (a, b) => GROUPS.indexOf(groupOf(a)) - GROUPS.indexOf(groupOf(b)),
};

function sorted(claims: InventoryClaim[], { sort = 'name', desc }: Filters): InventoryClaim[] {
  const order = ORDERS[sort];
  const turn = desc ? -1 : 1;
  return claims.toSorted((a, b) => turn * order(a, b) || byName(a, b));
}

function byName(a: InventoryClaim, b: InventoryClaim): number {
  return a.pvc < b.pvc ? -1 : a.pvc > b.pvc ? 1 : 0;
}

/** Claims without a backup are older than any. */
function ageOf(claim: InventoryClaim): number {
  return claim.last_backup_at ? -Date.parse(claim.last_backup_at) : Number.MAX_SAFE_INTEGER;
}
