import { describe, expect, test } from 'vitest';
import { at } from './server';
import { refusalOf } from './document';

const get = (path: string) => new Request(at(path));
const post = (path: string, body: object) => new Request(at(path), { method: 'POST', body: JSON.stringify(body) });

describe('a request that the API would refuse', () => {
  test.each([
    [get('/v1/spares'), 'GET /v1/spares is not in the document'],
    [get('/v1/inventory?limit=1'), '/v1/inventory has no query parameter limit'],
    [get('/v1/backups?namespace=media'), '/v1/backups needs the query parameter pvc'],
    [post('/v1/restores', { namespace: 'media', pvc: 'photos', spare: true }), '/v1/restores takes no field spare'],
    [post('/v1/restores/namespace', { namespace: 'media', claims: [{ pvc: 'photos' }, { pvc: 'wiki', copy: true }] }), '/v1/restores/namespace takes no field claims[1].copy'],
    [post('/v1/policies', { namespace: 'media', pvc: '', keep: { minutely: 3 } }), '/v1/policies takes no field keep.minutely'],
  ])('is said to be one: %#', async (request, refusal) => {
    expect(await refusalOf(request)).toBe(refusal);
  });
});

describe('a request that the document has', () => {
  test.each([
    [get('/v1/backups?namespace=media&pvc=photos&limit=200')],
    [get('/v1/batches/03-f00d')],
    [new Request(at('/v1/policies/ba7bea'), { method: 'DELETE' })],
    [post('/v1/policies', { namespace: 'media', pvc: '', keep: { daily: 3 }, dry_run: true })],
    [post('/v1/restores/namespace', { namespace: 'media', as_of: '2026-03-01T12:00:00Z', create_namespace: true, claims: [{ pvc: 'photos', snapshot: 'aaaa' }] })],
  ])('is none: %#', async (request) => {
    expect(await refusalOf(request)).toBeNull();
  });
});
