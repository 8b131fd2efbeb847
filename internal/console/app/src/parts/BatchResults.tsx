import type { ReactNode } from 'react';
import type { Wording } from '@/words/health';
import { ClaimLink } from './ClaimLink';
import { Settle } from './Command';
import { State } from './State';
import { Table, type Column } from './Table';
import { Told } from './Told';

/** What became of one claim of a batch. */
export interface BatchResult {
  pvc: string;
  target_pvc?: string;
  result: string;
  driver?: string;
  error?: string;
  /** What was started, where that has a name. */
  detail?: ReactNode;
  /** The command that settles the error. */
  settle?: string;
}

const RESULTS: Record<string, Wording> = {
  started: { label: 'Started', tone: 'busy', meaning: 'It is under way.' },
  complete: { label: 'Complete', tone: 'ok', meaning: 'It has ended well.' },
  partial: { label: 'In part', tone: 'warn', meaning: 'It has ended, and lacks something.' },
  back: { label: 'Data is back', tone: 'ok', meaning: 'The new claim is bound to its data.' },
  retried: { label: 'Tried again', tone: 'warn', meaning: 'An attempt failed; another one follows.' },
  failed: { label: 'Failed', tone: 'bad', meaning: 'It has ended, and not well.' },
  unknown: { label: 'Not known', tone: 'unknown', meaning: 'It was started, and how it ended could not be found out.' },
  would_start: { label: 'Would start', tone: 'busy', meaning: 'Nothing was done yet.' },
  refused: { label: 'Refused', tone: 'bad', meaning: 'It was not started.' },
  waiting: { label: 'Waiting', tone: 'idle', meaning: 'Its turn has not come yet.' },
  gone: { label: 'Deleted since', tone: 'idle', meaning: 'It was started, and its claim was deleted.' },
  not_started: { label: 'Not started', tone: 'idle', meaning: 'Other claims’ conflicts kept all of it from being started.' },
};

/** Counts the claims of a batch with a result. */
export function countResults(batch: { results: { result: string }[] }, result: string): number {
  return batch.results.filter((each) => each.result === result).length;
}

interface Props {
  label: string;
  namespace: string;
  /** Where targets are made; what has one shows it. */
  targetNamespace?: string;
  results: BatchResult[];
}

/** What becomes of each claim of a batch. */
export function BatchResults({ label, namespace, targetNamespace, results }: Props) {
  return <Table label={label} columns={columnsFor(namespace, targetNamespace)} lines={results} keyOf={({ pvc }) => pvc} />;
}

function columnsFor(namespace: string, targetNamespace: string | undefined): Column<BatchResult>[] {
  const target: Column<BatchResult> = { label: 'New claim', className: 'mono', cell: ({ target_pvc }) => `${targetNamespace}/${target_pvc}` };
  return [
    { label: 'Claim', names: true, cell: ({ pvc }) => <ClaimLink namespace={namespace} pvc={pvc} bare /> },
    ...(targetNamespace ? [target] : []),
    { label: 'Result', cell: ({ result }) => <State wording={RESULTS[result] ?? { label: result, tone: 'unknown', meaning: '' }} /> },
    { label: 'Driver', cell: ({ driver }) => driver },
    { label: 'What', cell: (line) => <What {...line} /> },
  ];
}

function What({ error, settle, detail }: BatchResult) {
  if (error === undefined) return detail;
  return (
    <>
      <Told text={error} />
      <Settle command={settle} />
    </>
  );
}
