import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The address of a Soteria, or of dev/mock.mjs, while developing.
const server = process.env.SOTERIA_URL ?? 'http://127.0.0.1:8090';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@golden': at('../../httpapi/testdata'), '@': at('./src') } },
  server: { proxy: { '/v1': server, '/exists': server } },
  build: {
    // Nothing is inlined: the Content-Security-Policy knows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox121', 'safari17.5'],
  },
  test: {
    environment: 'jsdom',
    // A zone that is not UTC, so that a test fails where the two are mixed.
    env: { TZ: 'Europe/Berlin' },
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    testTimeout: 60_000,
  },
});
