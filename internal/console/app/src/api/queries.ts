import { QueryClient, queryOptions } from '@tanstack/react-query';
import { answer, api } from './client';
import { ApiError } from './errors';
import { MINUTE, SECOND, pollRestores, waitToLook } from './polling';
import type { ClaimName, Copies, Restores } from './types';

/** Makes the cache of answers. What a view shows is asked for again when the reader comes back to it. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10 * SECOND,
        retry: (failures, error) => error instanceof ApiError && error.status === 0 && failures < 2,
        retryDelay: (failures) => SECOND * 2 ** failures,
      },
      mutations: { retry: false },
    },
  });
}

/** How often reports are asked for: often, since the browser has one that has not changed sent only once. */
const REPORTS = 10 * SECOND;

export const inventoryQuery = queryOptions({
  queryKey: ['inventory'],
  queryFn: ({ signal }) => answer(api.GET('/v1/inventory', { signal })),
  refetchInterval: REPORTS,
});

export const planQuery = queryOptions({
  queryKey: ['plan'],
  queryFn: ({ signal }) => answer(api.GET('/v1/plan', { signal })),
  refetchInterval: REPORTS,
});

export const policiesQuery = queryOptions({
  queryKey: ['policies'],
  queryFn: ({ signal }) => answer(api.GET('/v1/policies', { signal })),
  refetchInterval: MINUTE,
});

export const bucketQuery = queryOptions({
  queryKey: ['bucket'],
  queryFn: ({ signal }) => answer(api.GET('/v1/b2', { signal })),
  refetchInterval: 5 * MINUTE,
});

/** Whether Soteria can keep its promise now. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => answer(api.GET('/v1/status', { signal })),
  refetchInterval: MINUTE,
});

/** What happened to a claim lately or, without its name, to the claims of its namespace: the newest `limit` events, or as many as Soteria lists unasked. */
export function eventsQuery({ namespace, pvc }: Pick<ClaimName, 'namespace'> & Partial<ClaimName>, limit?: number) {
  return queryOptions({
    queryKey: ['events', namespace, pvc ?? '', limit ?? 0],
    queryFn: ({ signal }) => answer(api.GET('/v1/events', { params: { query: { namespace, pvc, limit } }, signal })),
    refetchInterval: MINUTE / 2,
  });
}

export const whoamiQuery = queryOptions({
  queryKey: ['whoami'],
  queryFn: ({ signal }) => answer(api.GET('/v1/whoami', { signal })),
  refetchInterval: 5 * MINUTE,
});

/** What a query says of a claim: its name alone, though more may be known of it. The API refuses a parameter that it does not know. */
const named = ({ namespace, pvc }: ClaimName): ClaimName => ({ namespace, pvc });

/** The restores of one claim or, without one, of all. */
export function restoresQuery(of?: ClaimName) {
  return queryOptions({
    queryKey: of ? ['restores', of.namespace, of.pvc] : ['restores'],
    queryFn: ({ signal }): Promise<Restores> => answer(api.GET('/v1/restores', { params: { query: of && named(of) }, signal })),
    refetchInterval: pollRestores(),
  });
}

/** More backups than a claim has: asks for all that are known. */
export const ALL_BACKUPS = 10_000;

/** A claim's newest backups, at most `limit` of them. */
export function backupsQuery(claim: ClaimName, limit: number) {
  return queryOptions({
    queryKey: ['backups', claim.namespace, claim.pvc, limit],
    queryFn: ({ signal }) => answer(api.GET('/v1/backups', { params: { query: { ...named(claim), limit } }, signal })),
    refetchInterval: MINUTE,
  });
}

/** The tests of a claim's backups. */
export function restoreTestsQuery(claim: ClaimName) {
  return queryOptions({
    queryKey: ['restore-tests', claim.namespace, claim.pvc],
    queryFn: ({ signal }) => answer(api.GET('/v1/restore-tests', { params: { query: named(claim) }, signal })),
    refetchInterval: (query) => (query.state.data?.tests.some(({ phase }) => phase === 'Pending' || phase === 'Running') ? 5 * SECOND : MINUTE),
  });
}

/** Work on many claims that goes on in the server. It is looked at often while it goes on, ever less so the longer it takes. */
export function batchQuery(id: string) {
  return queryOptions({
    queryKey: ['batches', id],
    queryFn: ({ signal }) => answer(api.GET('/v1/batches/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => (data?.state === 'done' ? false : waitToLook(data ? Date.parse(data.created_at) : Date.now(), Date.now())),
  });
}

/** The claims that were made to look at a backup. */
export const copiesQuery = queryOptions({
  queryKey: ['copies'],
  queryFn: ({ signal }): Promise<Copies> => answer(api.GET('/v1/copies', { signal })),
  refetchInterval: MINUTE / 2,
});

/** The last batches, newest first. */
export const batchesQuery = queryOptions({
  queryKey: ['batches'],
  queryFn: ({ signal }) => answer(api.GET('/v1/batches', { signal })),
  refetchInterval: MINUTE / 2,
});
