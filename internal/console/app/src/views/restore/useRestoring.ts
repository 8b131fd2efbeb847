import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { failureOf, inForm } from '@/api/errors';
import { copiesQuery } from '@/api/queries';
import type { Labels } from '@/words/labels';
import type { WishProps } from './wishProps';

interface Calls<R, P, A> {
  /** What the form calls the request's fields. */
  labels: Labels;
  /** Asks what would be done. */
  ask: (request: R) => Promise<P>;
  /** Starts it. */
  begin: (request: R) => Promise<A>;
  /** Is told what was started, and whether the form is still there: one may leave meanwhile. */
  onBegun: (answer: A, stays: boolean) => void;
}

/** Asks what a restore would do, again as the wish changes, and starts it. `request` is null while the wish names nothing. */
export function useRestoring<R, P, A>(props: WishProps, request: R | null, { labels, ask, begin, onBegun }: Calls<R, P, A>) {
  const stays = useRef(true);
  const client = useQueryClient();
  const [outcome, setOutcome] = useState<A | null>(null);
  const plan = useQuery({
    queryKey: ['restore-plan', request],
    queryFn: () => {
      if (!request) throw new Error('nothing is wished back');
      return ask(request);
    },
    enabled: request !== null && outcome === null,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  });
  const start = useMutation({
    mutationFn: begin,
    onSuccess: async (answer) => {
      setOutcome(answer);
      onBegun(answer, stays.current);
      await Promise.all([client.invalidateQueries({ queryKey: ['restores'] }), client.invalidateQueries(copiesQuery)]);
    },
  });
  useEffect(() => {
    stays.current = true;
    return () => {
      stays.current = false;
    };
  }, []);
  useStay(start.isPending);
  const error = start.error ?? plan.error;
  const checking = !props.settled || plan.isFetching;
  return {
    /** What would be done; undefined while that is not known. */
    plan: plan.data,
    /** Whether the plan may not be of what is wished now. */
    checking,
    /** Why it cannot be done, or was not. */
    failure: error && props.settled ? inForm(failureOf(error), labels) : null,
    /** Whether the plan that is shown can be started. */
    ready: !checking && plan.isSuccess && !start.isPending,
    start: start.mutate,
    starting: start.isPending,
    /** What was started; null until then. */
    outcome,
    again: () => setOutcome(null),
    /** Asks again what would be done. */
    recheck: () => void plan.refetch(),
    /** Changes the wish, and forgets why the last one could not be fulfilled. */
    change: (change: Parameters<WishProps['change']>[0]) => {
      start.reset();
      props.change(change);
    },
  };
}

/** Has the browser ask before the page is closed while something is being started: what becomes of it would not be seen. */
function useStay(busy: boolean): void {
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [busy]);
}
