import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import { forgetClock } from '@/api/clock';
import { server } from './server';

// A busy machine takes longer than the second that is given by default.
configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  cleanup();
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
