import type { Inventory } from '@/api/types';
import { useDraft } from '@/parts/draft';
import { GROUPS, GROUP_WORDS, PROTECTIONS } from '@/words/health';
import { choicesIn, isFiltered, type Filters } from './filters';

interface Props {
  inventory: Inventory;
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
  onClear: () => void;
}

/** What of the inventory is shown. All of it is in the address, so that a view can be sent to somebody. */
export function FilterBar({ inventory, filters, onChange, onClear }: Props) {
  const { drivers, protections } = choicesIn(inventory);
  const states = [...GROUPS.map((group) => ({ value: group, label: GROUP_WORDS[group].label })), { value: 'orphan', label: 'Only in backups' }];
  return (
    <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Search value={filters.q ?? ''} onChange={(q) => onChange({ q: q || undefined })} />
      <Pick label="Namespace" value={filters.ns} options={namespacesIn(inventory)} onChange={(ns) => onChange({ ns })} />
      <Pick label="State" value={filters.state} options={states} onChange={(state) => onChange({ state: state as Filters['state'] })} />
      <Pick
        label="Protection"
        value={filters.protection}
        options={protections.map((value) => ({ value, label: `${value}: ${PROTECTIONS[value] ?? ''}` }))}
        onChange={(protection) => onChange({ protection })}
      />
      <Pick label="Driver" value={filters.driver} options={drivers.map((value) => ({ value, label: value }))} onChange={(driver) => onChange({ driver })} />
      {isFiltered(filters) && (
        <button type="button" onClick={onClear}>
          Clear
        </button>
      )}
    </form>
  );
}

function namespacesIn(inventory: Inventory) {
  const names = new Set([...inventory.namespaces.map(({ name }) => name), ...inventory.orphans.map(({ namespace }) => namespace)]);
  return [...names].sort().map((value) => ({ value, label: value }));
}

function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useDraft(value, onChange, 150);
  return (
    <label className="filter filter-search">
      <span>Search</span>
      <input type="search" value={text} placeholder="namespace or claim" onChange={(event) => setText(event.target.value)} />
    </label>
  );
}

interface PickProps {
  label: string;
  value: string | undefined;
  options: { value: string; label: string }[];
  onChange: (value: string | undefined) => void;
}

function Pick({ label, value, options, onChange }: PickProps) {
  const unknown = value !== undefined && !options.some((option) => option.value === value);
  return (
    <label className="filter">
      <span>{label}</span>
      <select value={value ?? ''} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">any</option>
        {unknown && <option value={value}>{value}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
