import type { Inventory } from '@/api/types';

/** Names to choose from while typing. */
export function Names({ id, names }: { id: string; names: string[] }) {
  return (
    <datalist id={id}>
      {names.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  );
}

/** Gives the names that the inventory knows, of claims and of those that exist only as backups. */
export function namesIn(inventory: Inventory | undefined) {
  const claims = inventory?.namespaces.flatMap(({ pvcs }) => pvcs.map(({ namespace, pvc }) => ({ namespace, pvc }))) ?? [];
  const all = [...claims, ...(inventory?.orphans ?? [])];
  return {
    namespaces: [...new Set(all.map(({ namespace }) => namespace))].sort(),
    claims: (of: string | undefined) => [...new Set(all.filter(({ namespace }) => namespace === of).map(({ pvc }) => pvc))].sort(),
  };
}
