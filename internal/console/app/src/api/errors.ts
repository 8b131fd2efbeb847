import { inLabels, type Labels } from '@/words/labels';
import type { ErrorBody } from './types';

/** What begins the codes of answers that are not the API's. */
const FOREIGN = 'http_';

/** The code of errors that no server answered with. */
export const UNREACHABLE = 'unreachable';

/**
 * An answer that is an error, in the API's own words. `status` is 0 where no answer came; `field` names the
 * request's field that is at fault.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field?: string,
    /** The command that settles it, where one does. */
    readonly settle?: string,
    /** The cause in a few words, for a headline, and for programs; where the API names it. */
    readonly title?: string,
    readonly reason?: string,
  ) {
    super(message);
  }

  /** Whether the API does not know who asks. */
  get signedOut(): boolean {
    return this.status === 401;
  }

  /** Whether the API knows who asks, and refuses them. A refusal with a reason is of what was asked, whoever asks. */
  get notAllowed(): boolean {
    return this.status === 403 && !this.foreign && !this.reason;
  }

  /** Whether something in front of the API answered in its place, such as a proxy. */
  get foreign(): boolean {
    return this.code.startsWith(FOREIGN);
  }

  /** Whether it is not known if what was asked for was done: no answer of the API came. */
  get unanswered(): boolean {
    return this.status === 0 || (this.foreign && this.status >= 500);
  }

  /** Whether to ask again may help: nothing answered, or the server could not tell. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Makes an error of an answer's status and body; proxies in between may send any body. */
export function errorOf(status: number, body: unknown): ApiError {
  if (isErrorBody(body)) return new ApiError(status, body.code, body.error, body.field, body.settle, body.title, body.reason);
  return new ApiError(status, `${FOREIGN}${status}`, unexplained(status));
}

/** Makes an error of what a call threw before there was an answer. */
export function failureOf(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  if (cause instanceof SyntaxError) return new ApiError(0, 'unreadable', 'What came back is not an answer of Soteria’s API.');
  return new ApiError(0, UNREACHABLE, 'Soteria cannot be reached from this browser.');
}

/** Puts an error in the words of a form, which calls the request's fields as its labels say. */
export function inForm(error: ApiError, labels: Labels): ApiError {
  return new ApiError(error.status, error.code, inLabels(error.message, labels), error.field, error.settle, error.title, error.reason);
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string' && 'code' in body && typeof body.code === 'string';
}

function unexplained(status: number): string {
  if (status === 401) return 'Soteria does not know who asks.';
  return `The answer was ${status}, without a reason.`;
}
