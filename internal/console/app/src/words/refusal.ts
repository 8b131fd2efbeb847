import type { ApiError } from '@/api/errors';

/** Returns the headline of an answer that is an error: its cause, as the API names it, and never a guess at that. */
export function headlineOf(error: ApiError, otherwise: string): string {
  if (error.title) return error.title;
  if (error.status === 0) return 'Soteria did not answer';
  return error.foreign ? 'The answer did not come from Soteria' : otherwise;
}

/** Returns the headline of a change that failed. Only where Soteria answered, it is known that it was not made. */
export function undoneInWords(error: ApiError, undone: string, unknown: string): string {
  return error.unanswered ? unknown : undone;
}
