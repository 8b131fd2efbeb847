import createClient from 'openapi-fetch';
import { noteAnswer } from './clock';
import { ApiError, errorOf, failureOf } from './errors';
import type { paths } from './schema.gen';
import type { Batch } from './types';

/** The typed client of the API on the console's own origin. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  // A redirect is a proxy's that wants a sign-in: no page of another site is an answer.
  redirect: 'manual',
  fetch: timed,
});

/** Sends a request, and takes note of when its answer came. */
async function timed(request: Request): Promise<Response> {
  const sent = Date.now();
  const response = await globalThis.fetch(request);
  noteAnswer(sent, response);
  return response;
}

interface Reply {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** Gives the answer to a call, or throws an {@link ApiError}. */
export async function answer<R extends Reply>(call: Promise<R>): Promise<NonNullable<R['data']>> {
  const reply = await replyTo(call);
  if (reply.response.ok && reply.data !== undefined) return reply.data as NonNullable<R['data']>;
  throw errorOf(reply.response.status, reply.error);
}

/**
 * Gives the answer to a call about many claims. It tells what became of each also where nothing was done, with the
 * status of an error.
 */
export async function batchAnswer<T extends { results: unknown[] }>(call: Promise<Reply>): Promise<T> {
  const reply = await replyTo(call);
  const body = reply.data ?? reply.error;
  if (hasResults(body)) return body as T;
  throw errorOf(reply.response.status, reply.error);
}

/** What became of asking for work on many claims: a batch that goes on in the server or, where it does not do that, the results. */
export type Begun<T> = { batch: Batch } | { outcome: T };

/** Gives what became of asking for work on many claims. */
export async function begun<T extends { results: unknown[] }>(call: Promise<Reply>): Promise<Begun<T>> {
  const reply = await replyTo(call);
  const body = reply.data ?? reply.error;
  if (isBatch(body)) return { batch: body };
  if (hasResults(body)) return { outcome: body as T };
  throw errorOf(reply.response.status, reply.error);
}

async function replyTo<R extends Reply>(call: Promise<R>): Promise<R> {
  let reply: R;
  try {
    reply = await call;
  } catch (cause) {
    throw failureOf(cause);
  }
  if (reply.response.type === 'opaqueredirect') {
    throw new ApiError(401, 'unauthenticated', 'The sign-in has ended.');
  }
  return reply;
}

function isBatch(body: unknown): body is Batch {
  return typeof body === 'object' && body !== null && 'id' in body && 'counts' in body;
}

function hasResults(body: unknown): body is { results: unknown[] } {
  return typeof body === 'object' && body !== null && 'results' in body && Array.isArray(body.results);
}
