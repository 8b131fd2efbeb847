import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { claimRequest, namespaceRequest, newestAsOf, readWish } from './wish';

test('a wish survives its address, without what makes no sense', () => {
  const wish = { of: 'namespace', namespace: 'media', prefix: 'back-', orphans: true } as const;
  expect(readWish(wish)).toEqual(wish);
  expect(readWish({ of: 'cluster', namespace: ' ', pvc: 7, orphans: 'yes', x: 1 })).toEqual({ pvc: '7' });
});

describe('a request for a claim', () => {
  test('waits for a namespace and a name', () => {
    expect([claimRequest({}), claimRequest({ namespace: 'media' }), claimRequest({ pvc: 'photos' })]).toEqual([null, null, null]);
  });

  test('is of the latest backup, to a new name beside the claim, unless said otherwise', () => {
    expect(claimRequest({ namespace: 'media', pvc: 'photos' })).toEqual({ namespace: 'media', pvc: 'photos', snapshot: 'latest', target_namespace: 'media', target_pvc: 'photos-restored' });
    expect(claimRequest({ namespace: 'media', pvc: 'photos', snapshot: 'aaaaaaaa', to: 'lab', as: 'p2', storageClass: 'fast', size: '20Gi' })).toEqual({
      namespace: 'media', pvc: 'photos', snapshot: 'aaaaaaaa', target_namespace: 'lab', target_pvc: 'p2', storage_class: 'fast', size: '20Gi',
    });
  });
});

describe('a request for a namespace', () => {
  test('waits for a namespace', () => {
    expect(namespaceRequest({ pvc: 'photos' })).toBeNull();
  });

  test('keeps the names, and leaves what exists only as backups out, unless said otherwise', () => {
    expect(namespaceRequest({ namespace: 'media' })).toEqual({ namespace: 'media', target_namespace: 'media', target_prefix: '', snapshot: 'latest', include_orphans: false });
    expect(namespaceRequest({ namespace: 'media', to: 'lab', prefix: 'b-', orphans: true })).toMatchObject({ target_namespace: 'lab', target_prefix: 'b-', include_orphans: true });
  });
});

describe('the newest backup as of a time', () => {
  const asOf = (time: string) => newestAsOf(golden.backups.backups, new Date(time))?.id;
  test.each([
    ['after all is the newest', '2026-03-02T00:00:00Z', 'aaaaaaaaaaaa'],
    ['of its very second is it', '2026-03-01T12:00:00Z', 'aaaaaaaaaaaa'],
    ['between two is the older', '2026-03-01T11:59:59Z', 'bbbbbbbbbbbb'],
    ['before all is none, never the latest', '2026-03-01T10:00:00Z', undefined],
    ['that is no time is none', 'soon', undefined],
  ])('%s', (_, time, id) => {
    expect(asOf(time)).toBe(id);
  });
});
