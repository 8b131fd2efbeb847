import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { batchesQuery } from '@/api/queries';
import type { Batch } from '@/api/types';
import { Age } from '@/parts/Age';
import { Table, type Column } from '@/parts/Table';
import { backupsInWords, batchInWords, restoresInWords } from '../batch/members';

/** How many of the last batches are shown. */
const SHOWN = 5;

/** The namespaces that were restored or backed up as a whole lately, each with its page. */
export function Batches() {
  const { data } = useQuery(batchesQuery);
  if (!data || data.batches.length === 0) return null;
  return (
    <section aria-labelledby="batches">
      <h2 id="batches">Whole namespaces</h2>
      <Table label="Whole namespaces" columns={BATCHES} lines={data.batches} keyOf={({ id }) => id} first={SHOWN} thing="batch" />
    </section>
  );
}

const BATCHES: Column<Batch>[] = [
  {
    label: 'What',
    names: true,
    cell: (batch) => (
      <Link to="/batches/$id" params={{ id: batch.id }}>
        {batchInWords(batch)}
      </Link>
    ),
  },
  {
    label: 'Asked for',
    cell: ({ created_at, requested_by }) => (
      <>
        <Age time={created_at} /> by {requested_by}
      </>
    ),
  },
  { label: 'How far', cell: (batch) => (batch.kind === 'restore' ? restoresInWords(batch) : backupsInWords(batch)) },
];
