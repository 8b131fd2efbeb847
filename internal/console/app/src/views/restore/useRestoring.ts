import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { failureOf } from '@/api/errors';
import type { WishProps } from './wishProps';

/**
 * Asks what a restore would do, anew as the wish changes, and starts it. `request` is null while the wish names nothing;
 * `ask` sends it.
 */
export function useRestoring<R extends { dry_run?: boolean }, A>(props: WishProps, request: R | null, ask: (request: R) => Promise<A>) {
  const client = useQueryClient();
  const [outcome, setOutcome] = useState<A | null>(null);
  const plan = useQuery({
    queryKey: ['restore-plan', request],
    queryFn: () => {
      if (!request) throw new Error('nothing is wished back');
      return ask({ ...request, dry_run: true });
    },
    enabled: request !== null && outcome === null,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  });
  const start = useMutation({
    mutationFn: ask,
    onSuccess: async (answer) => {
      setOutcome(answer);
      await client.invalidateQueries({ queryKey: ['restores'] });
    },
  });
  const error = start.error ?? plan.error;
  const checking = !props.settled || plan.isFetching;
  return {
    /** What would be done; undefined while that is not known. */
    plan: plan.data,
    /** Whether the plan may not be of what is wished now. */
    checking,
    /** Why it cannot be done, or was not. */
    failure: error && props.settled ? failureOf(error) : null,
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
