import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { golden } from './golden';

/** A path of the API on the test page's origin. */
export const at = (path: string) => `${window.location.origin}${path}`;

/** Answers a path with a body. */
export const answers = (path: string, body: object, status = 200) => http.get(at(path), () => HttpResponse.json(body, { status }));

/** Answers a path with an error of the API. */
export const refuses = (path: string, status: number, code: string, error: string) => answers(path, { error, code }, status);

/** The API as its golden answers have it. Tests put their own answers in front. */
export const server = setupServer(
  answers('/v1/inventory', golden.inventory),
  answers('/v1/plan', golden.plan),
  answers('/v1/policies', golden.policies),
  answers('/v1/restores', golden.restores),
  answers('/v1/backups', golden.backups),
  answers('/v1/restore-tests', golden.restoreTests),
  answers('/v1/b2', golden.bucket),
  answers('/v1/status', golden.status),
  answers('/v1/events', golden.events),
  answers('/v1/whoami', golden.whoami),
  answers('/v1/batches', { batches: [] }),
  answers('/v1/copies', { generated_at: '2026-04-12T15:30:00Z', copies: [] }),
);
