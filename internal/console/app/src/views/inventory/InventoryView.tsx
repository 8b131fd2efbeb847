import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useDeferredValue, useMemo, useState } from 'react';
import { inventoryQuery } from '@/api/queries';
import type { Inventory } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { Page } from '@/parts/Page';
import { Vintage } from '@/parts/Vintage';
import { plural } from '@/words/size';
import { BackUpNamespace } from './BackUpNamespace';
import { FilterBar } from './FilterBar';
import { isFiltered, type Filters } from './filters';
import { InventoryTable } from './InventoryTable';
import { rowsOf } from './rows';

const route = getRouteApi('/inventory');

/** Every claim, by namespace, and how well it is backed up. */
export function InventoryView() {
  const inventory = useQuery(inventoryQuery);
  return (
    <Page title="Inventory" aside={inventory.data && <>As of <Age time={inventory.data.generated_at} /></>}>
      <Answer query={inventory} what="the inventory">
        {(data) => <Claims inventory={data} />}
      </Answer>
    </Page>
  );
}

function Claims({ inventory }: { inventory: Inventory }) {
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [backingUp, setBackingUp] = useState<string | null>(null);
  const shown = useDeferredValue(filters);
  const rows = useMemo(() => rowsOf(inventory, shown, closed), [inventory, shown, closed]);
  const heads = rows.filter((row) => row.kind === 'namespace');
  const total = heads.reduce((sum, { claims, orphans }) => sum + claims + orphans, 0);
  const change = (change: Partial<Filters>) => void navigate({ search: { ...filters, ...change }, replace: true });
  const toggle = (name: string) => setClosed((before) => (before.has(name) ? new Set([...before].filter((each) => each !== name)) : new Set([...before, name])));
  return (
    <>
      <Vintage generatedAt={inventory.generated_at} listings={inventory.listings} />
      <FilterBar inventory={inventory} filters={filters} onChange={change} onClear={() => void navigate({ search: {}, replace: true })} />
      <p className="muted table-count" role="status">
        <span>
          {plural(total, 'claim')} in {plural(heads.length, 'namespace')}
          {isFiltered(filters) && ' match'}
        </span>
        <button type="button" className="link" onClick={() => setClosed(closed.size > 0 ? new Set() : new Set(heads.map(({ name }) => name)))}>
          {closed.size > 0 ? 'Open all namespaces' : 'Close all namespaces'}
        </button>
      </p>
      {total === 0 ? (
        <Empty title={isFiltered(filters) ? 'No claim matches.' : 'This cluster has no claims, and no backups are known.'} />
      ) : (
        <InventoryTable rows={rows} filters={filters} onSort={(sort, desc) => change({ sort, desc })} onToggle={toggle} onBackUp={setBackingUp} />
      )}
      {backingUp !== null && <BackUpNamespace namespace={backingUp} onClose={() => setBackingUp(null)} />}
    </>
  );
}
