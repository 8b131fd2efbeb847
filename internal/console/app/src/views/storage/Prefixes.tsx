import type { Bucket } from '@/api/types';
import { Table, type Column } from '@/parts/Table';
import { bytesInWords, countInWords } from '@/words/size';

/** The largest prefixes, with a bar for each one's share of all that is stored. */
export function Prefixes({ bucket }: { bucket: Bucket }) {
  return (
    <section aria-labelledby="prefixes">
      <h2 id="prefixes">Largest prefixes</h2>
      {bucket.largest_prefixes.length === 0 ? (
        <p className="muted">The last scan names none.</p>
      ) : (
        <Table label="Largest prefixes" columns={columnsFor(bucket)} lines={bucket.largest_prefixes} keyOf={({ prefix }) => prefix} />
      )}
    </section>
  );
}

function columnsFor(bucket: Bucket): Column<Bucket['largest_prefixes'][number]>[] {
  return [
    { label: 'Prefix', names: true, className: 'mono', cell: ({ prefix }) => prefix },
    { label: 'Share', cell: ({ bytes }) => <Share share={bucket.bytes > 0 ? bytes / bucket.bytes : 0} /> },
    { label: 'Size', className: 'figure', cell: ({ bytes }) => bytesInWords(bytes) },
    { label: 'Objects', className: 'figure', cell: ({ objects }) => countInWords(objects) },
  ];
}

function Share({ share }: { share: number }) {
  const percent = Math.round(share * 100);
  return (
    <span className="share">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect width={100} height={8} className="share-all" />
        <rect width={Math.max(0.5, share * 100)} height={8} className="share-part" />
      </svg>
      <span className="figure">{percent} %</span>
    </span>
  );
}
