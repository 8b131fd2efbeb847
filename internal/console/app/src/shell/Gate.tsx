import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { failureOf } from '@/api/errors';
import { whoamiQuery } from '@/api/queries';
import { Failure } from '@/parts/Failure';
import { Page } from '@/parts/Page';

/**
 * Shows a view to those who may use the API. Who may not is told so in its place; who no longer may is told so above it,
 * since what was typed there should not be lost.
 */
export function Gate({ children }: { children: ReactNode }) {
  const who = useQuery(whoamiQuery);
  const failure = who.error && failureOf(who.error);
  const shut = failure && (failure.signedOut || failure.notAllowed);
  const notice = shut && <Failure error={failure} what="who you are" retry={() => void who.refetch()} retrying={who.isFetching} />;
  if (notice && !who.data) return <Page title="Soteria">{notice}</Page>;
  // The view stays in its place among these, so that React keeps what it holds.
  return (
    <>
      {notice && <div className="gate">{notice}</div>}
      {children}
    </>
  );
}
