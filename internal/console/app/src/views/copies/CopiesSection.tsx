import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { failureOf } from '@/api/errors';
import { copiesQuery } from '@/api/queries';
import type { Copy } from '@/api/types';
import { Age, Due } from '@/parts/Age';
import { ClaimLink } from '@/parts/ClaimLink';
import { Settle } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { State } from '@/parts/State';
import { Table, type Column } from '@/parts/Table';
import { Told } from '@/parts/Told';
import { copyInWords, removalOf } from '@/words/copy';
import { headlineOf } from '@/words/refusal';
import { RemoveCopy } from './RemoveCopy';

/** How many copies are shown at first. */
const SHOWN = 50;

/** The claims that were made to look at a backup, which words match, when each goes by itself, and what removes it. */
export function CopiesSection({ q }: { q: string }) {
  const { data, error } = useQuery(copiesQuery);
  const [removing, setRemoving] = useState<string | null>(null);
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const copies = data?.copies.filter((copy) => words.every((word) => keyOf(copy).includes(word))) ?? [];
  const chosen = data?.copies.find((copy) => keyOf(copy) === removing);
  if (!error && copies.length === 0 && !data?.warnings) return null;
  return (
    <section aria-labelledby="copies">
      <h2 id="copies">Copies to look at</h2>
      {error && (
        <Notice tone="unknown" title={headlineOf(failureOf(error), 'Which copies there are is not known')}>
          {error.message}
        </Notice>
      )}
      {data?.warnings?.map((warning) => (
        <Notice key={warning} tone="unknown" title="There may be more copies than these">
          {warning}
        </Notice>
      ))}
      {copies.length > 0 && <Table label="Copies to look at" columns={columnsWith(setRemoving)} lines={copies} keyOf={keyOf} first={SHOWN} thing="copy" />}
      {chosen && <RemoveCopy copy={chosen} onClose={() => setRemoving(null)} />}
    </section>
  );
}

function keyOf({ namespace, pvc }: Copy): string {
  return `${namespace}/${pvc}`;
}

function columnsWith(onRemove: (key: string) => void): Column<Copy>[] {
  return [
    { label: 'Claim', names: true, cell: ({ namespace, pvc }) => <ClaimLink namespace={namespace} pvc={pvc} /> },
    {
      label: 'State',
      cell: (copy) => (
        <>
          <State wording={copyInWords(copy)} />
          <br />
          <span className="muted">
            <Told text={copy.message} />
          </span>
        </>
      ),
    },
    { label: 'Of', cell: (copy) => <Of copy={copy} /> },
    { label: 'Made', cell: ({ created_at }) => <Age time={created_at} /> },
    { label: 'Removed by itself', cell: (copy) => <Expiry copy={copy} /> },
    { label: 'Actions', quiet: true, cell: (copy) => <Action copy={copy} onRemove={() => onRemove(keyOf(copy))} /> },
  ];
}

/** What a copy is of. */
export function Of({ copy }: { copy: Copy }) {
  if (!copy.source_pvc) return 'a backup that was not written down';
  return (
    <>
      <ClaimLink namespace={copy.source_namespace} pvc={copy.source_pvc} />
      {copy.taken_at && (
        <>
          , taken <Age time={copy.taken_at} />
        </>
      )}
    </>
  );
}

/** When a copy is removed by itself. */
export function Expiry({ copy: { expires_at, expired } }: { copy: Copy }) {
  if (!expires_at) return 'never';
  return expired ? (
    <>
      since <Age time={expires_at} />
    </>
  ) : (
    <Due time={expires_at} />
  );
}

/** What removes a copy. */
export function Action({ copy, onRemove }: { copy: Copy; onRemove: () => void }) {
  const removal = removalOf(copy);
  if (removal === 'by hand') return <Settle command={copy.remove} />;
  if (removal === 'not now') return null;
  return (
    <button type="button" className="quiet" aria-label={`Remove ${keyOf(copy)}…`} onClick={onRemove}>
      Remove…
    </button>
  );
}
