import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { batchesQuery, copiesQuery } from '@/api/queries';
import type { Batch, Copy } from '@/api/types';
import { Age, Due } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Id } from '@/parts/Id';
import { Table, type Column } from '@/parts/Table';
import { batchInWords, restoresInWords } from '../batch/members';
import { RemoveCopy } from './RemoveCopy';

/** The copies that were made to look at backups and that are there. */
export function Copies() {
  const { data } = useQuery(copiesQuery);
  if (!data || data.copies.length === 0) return null;
  return (
    <section aria-labelledby="copies">
      <h2 id="copies">Copies to look at</h2>
      <p className="muted">They are not backed up, and not counted.</p>
      <Table label="Copies to look at" columns={COPIES} lines={data.copies} keyOf={({ namespace, pvc }) => `${namespace}/${pvc}`} first={50} thing="copy" />
    </section>
  );
}

const COPIES: Column<Copy>[] = [
  { label: 'Copy', names: true, cell: ({ namespace, pvc }) => <ClaimLink namespace={namespace} pvc={pvc} /> },
  { label: 'Of', cell: ({ from }) => from },
  { label: 'Backup', cell: ({ backup }) => <Id id={backup} /> },
  {
    label: 'Made',
    cell: ({ created_at, requested_by }) => (
      <>
        <Age time={created_at} /> by {requested_by}
      </>
    ),
  },
  { label: 'Removed by itself', cell: ({ expires }) => (expires ? <Due time={expires} /> : <span className="muted">no</span>) },
  { label: 'Actions', quiet: true, cell: (copy) => <RemoveCopy copy={copy} /> },
];

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
  { label: 'How far', cell: (batch) => (batch.kind === 'restore' ? restoresInWords(batch) : `${batch.counts.members - batch.counts.waiting} of ${batch.counts.members} started or refused`) },
];
