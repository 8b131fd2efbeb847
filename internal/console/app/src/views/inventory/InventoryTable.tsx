import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';
import { useNarrow } from '@/parts/narrow';
import type { Filters, Sort } from './filters';
import { RowLine } from './RowLine';
import type { Row } from './rows';

interface Props {
  rows: Row[];
  filters: Filters;
  onSort: (sort: Sort | undefined, desc: true | undefined) => void;
  onToggle: (namespace: string) => void;
  onBackUp: (namespace: string) => void;
}

/** Heights in pixels, as styles/views/inventory.css has them: known beforehand, so that scrolling never waits for a measurement. */
const LINE = { wide: 44, narrow: 76 };
/** How many lines beyond the window are kept ready. */
const READY = 24;

/** The inventory as a table of which only the lines in sight are on the page. */
export function InventoryTable({ rows, filters, onSort, onToggle, onBackUp }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = useNarrow() ? LINE.narrow : LINE.wide;
  useLayoutEffect(() => {
    const measured = (place.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    setTop(measured);
  }, [rows.length]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: READY,
    scrollMargin: top,
    getItemKey: (index) => rows[index]?.key ?? index,
  });
  useLayoutEffect(() => virtual.measure(), [height, virtual]);
  return (
    <div role="table" aria-label="Claims" aria-rowcount={rows.length + 1} className="inventory">
      <Head filters={filters} onSort={onSort} />
      <div ref={place} role="rowgroup" className="inventory-body" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={`line line-${row.kind}`}
              style={{ transform: `translateY(${item.start - top}px)`, height: item.size }}
            >
              <RowLine row={row} onToggle={onToggle} onBackUp={onBackUp} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

const COLUMNS: { label: string; sort?: Sort }[] = [
  { label: 'Claim', sort: 'name' },
  { label: 'State', sort: 'state' },
  { label: 'Newest backup', sort: 'age' },
  { label: 'Backups', sort: 'count' },
  { label: 'Last 14 days' },
  { label: 'Protection' },
  { label: 'Next run' },
];

function Head({ filters, onSort }: Pick<Props, 'filters' | 'onSort'>) {
  return (
    <div role="rowgroup" className="inventory-head">
      <div role="row" aria-rowindex={1} className="line line-head">
        {COLUMNS.map(({ label, sort }) =>
          sort ? (
            <SortableHead key={label} label={label} sort={sort} filters={filters} onSort={onSort} />
          ) : (
            <div key={label} role="columnheader">
              {label}
            </div>
          ),
        )}
      </div>
    </div>
  );
}

function SortableHead({ label, sort, filters, onSort }: { label: string; sort: Sort } & Pick<Props, 'filters' | 'onSort'>) {
  const chosen = (filters.sort ?? 'name') === sort;
  const next = chosen && !filters.desc ? true : undefined;
  return (
    <div role="columnheader" aria-sort={chosen ? (filters.desc ? 'descending' : 'ascending') : 'none'}>
      <button type="button" className="sort" onClick={() => onSort(sort === 'name' ? undefined : sort, next)}>
        {label}
        <span aria-hidden="true">{chosen ? (filters.desc ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </div>
  );
}
