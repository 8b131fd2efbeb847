import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import openapi, { astToString } from 'openapi-typescript';
import { expect, test } from 'vitest';

const here = (path: string) => resolve(import.meta.dirname, path);

test('the types are those of the OpenAPI document that is served: else run `npm run types`', async () => {
  const document = JSON.parse(await readFile(here('../../../../httpapi/testdata/openapi.json'), 'utf8')) as Parameters<typeof openapi>[0];
  const generated = astToString(await openapi(document));
  const kept = await readFile(here('schema.gen.ts'), 'utf8');
  expect(kept.endsWith(generated)).toBe(true);
});
