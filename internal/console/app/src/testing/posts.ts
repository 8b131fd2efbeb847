import { HttpResponse, http } from 'msw';
import { at, server } from './server';

type Body = Record<string, unknown>;

/** Has a path answer to POST, and gives the bodies that were sent. */
export function posts(path: string, reply: (body: Body) => { body: object; status: number }): Body[] {
  const sent: Body[] = [];
  server.use(
    http.post(at(path), async ({ request }) => {
      const body = (await request.json()) as Body;
      sent.push(body);
      const { status, body: answer } = reply(body);
      return HttpResponse.json(answer, { status });
    }),
  );
  return sent;
}
