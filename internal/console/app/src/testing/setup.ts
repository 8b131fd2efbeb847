import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { forgetClock } from '@/api/clock';
import { refusalOf } from './document';
import { server } from './server';

// A busy machine takes longer than the second that is given by default.
configure({ asyncUtilTimeout: 15_000 });

/** What the API would refuse of the requests that a test made. */
const refusals: Promise<string | null>[] = [];
server.events.on('request:start', ({ request }) => refusals.push(refusalOf(request.clone())));

beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(async () => {
  cleanup();
  const refused = (await Promise.all(refusals.splice(0))).filter((each) => each !== null);
  expect(refused, 'the console asks for what the API’s document has').toEqual([]);
  server.resetHandlers();
  forgetClock();
  window.localStorage.clear();
  vi.useRealTimers();
});
afterAll(() => server.close());

// What jsdom lacks and the console uses.
window.scrollTo = () => undefined;
window.matchMedia = (media: string) => Object.assign(new EventTarget(), { matches: false, media, onchange: null }) as unknown as MediaQueryList;
window.ResizeObserver = class {
  observe = () => undefined;
  unobserve = () => undefined;
  disconnect = () => undefined;
};
