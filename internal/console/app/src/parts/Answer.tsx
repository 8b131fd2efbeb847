import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { failureOf } from '@/api/errors';
import { SinceHere } from './Age';
import { Failure } from './Failure';
import { Notice } from './Notice';

interface Props<T> {
  query: UseQueryResult<T>;
  /** What is asked for, for those who wait: "the inventory". */
  what: string;
  children: (data: T) => ReactNode;
  /** What stands in the answer's place while it is on its way. */
  waiting?: ReactNode;
}

/**
 * Shows what a query answers: the wait, the failure in the API's own words, or the answer; and above an answer that
 * could not be asked for again, that it is old.
 */
export function Answer<T>({ query, what, children, waiting }: Props<T>) {
  if (query.data === undefined) {
    if (query.isError) return <Failure error={failureOf(query.error)} what={what} retry={() => void query.refetch()} retrying={query.isFetching} />;
    return <Waiting what={what}>{waiting}</Waiting>;
  }
  return (
    <>
      {query.isError && <Old query={query} what={what} />}
      {children(query.data)}
    </>
  );
}

function Old({ query, what }: { query: UseQueryResult; what: string }) {
  const error = failureOf(query.error);
  if (error.signedOut || error.notAllowed) return <Failure error={error} what={what} retry={() => void query.refetch()} retrying={query.isFetching} />;
  return (
    <Notice
      tone="warn"
      title="What is shown is old."
      action={
        <button type="button" onClick={() => void query.refetch()} disabled={query.isFetching}>
          Ask again
        </button>
      }
    >
      Asked for {what} <SinceHere at={query.dataUpdatedAt} />; asking again failed: {error.message}
    </Notice>
  );
}

function Waiting({ what, children }: { what: string; children?: ReactNode }) {
  return (
    <div className="waiting" role="status" aria-live="polite">
      <span className="sr-only">Asking for {what}…</span>
      <div aria-hidden="true">{children ?? <Bones />}</div>
    </div>
  );
}

/** The bones of a page whose content is on its way. */
function Bones() {
  return (
    <>
      <div className="bone bone-wide" />
      {Array.from({ length: 6 }, (_, line) => (
        <div key={line} className="bone" />
      ))}
    </>
  );
}
