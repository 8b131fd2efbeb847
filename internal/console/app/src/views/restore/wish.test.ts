import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import type { NamespaceRestore } from '@/api/types';
import { claimRequest, defaultPrefix, freePrefix, freeTarget, namespaceRequest, nextName, readWish, startOf, withOrphans } from './wish';

test('a wish survives its address, without what makes no sense', () => {
  const wish = { of: 'namespace', namespace: 'media', prefix: 'back-', asOf: '2026-03-01T12:00:00Z', orphans: true, make: true, look: true, expires: '7d' } as const;
  expect(readWish(wish)).toEqual(wish);
  expect(readWish({ of: 'cluster', namespace: ' ', pvc: 7, orphans: 'yes', x: 1 })).toEqual({ pvc: '7' });
  expect(readWish({ orphans: false })).toEqual({ orphans: false });
});

test('a wish for a time that was not said yet stays one in its address, and is no wish for the latest', () => {
  expect(readWish({ asOf: '' })).toEqual({ asOf: '' });
  expect(readWish({ asOf: 'soon' })).toEqual({ asOf: 'soon' });
  expect(readWish({ snapshot: 'aaaaaaaa', asOf: '2026-03-01T12:00:00Z' })).toEqual({ snapshot: 'aaaaaaaa' });
});

describe('a request for a claim', () => {
  const photos = { namespace: 'media', pvc: 'photos' };

  test('waits for a namespace and a name', () => {
    expect([claimRequest({}, 'x'), claimRequest({ namespace: 'media' }, 'x'), claimRequest({ pvc: 'photos' }, 'x')]).toEqual([null, null, null]);
  });

  test('is of the latest backup, to a new name beside the claim, unless said otherwise', () => {
    expect(claimRequest(photos, 'photos-restored')).toEqual({ ...photos, snapshot: 'latest', target_namespace: 'media', target_pvc: 'photos-restored' });
    expect(claimRequest({ ...photos, snapshot: 'aaaaaaaa', to: 'lab', as: 'p2', storageClass: 'fast', size: '20Gi' }, 'photos-restored')).toEqual({
      ...photos, snapshot: 'aaaaaaaa', target_namespace: 'lab', target_pvc: 'p2', storage_class: 'fast', size: '20Gi',
    });
  });

  test('is for a claim to keep, unless it is to be looked at only', () => {
    expect(claimRequest({ ...photos, expires: '7d' }, 'p')).not.toHaveProperty('copy');
    expect(claimRequest({ ...photos, expires: '7d' }, 'p')).not.toHaveProperty('expires');
    expect(claimRequest({ ...photos, look: true }, 'p')).toMatchObject({ copy: true });
    expect(claimRequest({ ...photos, look: true }, 'p')).not.toHaveProperty('expires');
    expect(claimRequest({ ...photos, look: true, expires: '7d' }, 'p')).toMatchObject({ copy: true, expires: '7d' });
  });

  test('as of a time says the time, and never asks for the latest instead', () => {
    expect(claimRequest({ ...photos, asOf: '2026-03-01T12:00:00Z' }, 'p')).toEqual({ ...photos, as_of: '2026-03-01T12:00:00Z', target_namespace: 'media', target_pvc: 'p' });
    expect(claimRequest({ ...photos, asOf: '' }, 'p')).toBeNull();
    expect(claimRequest({ ...photos, asOf: 'soon' }, 'p')).toBeNull();
  });
});

describe('the name of a copy', () => {
  const known = (...names: string[]) => ({ claims: (namespace: string | undefined) => (namespace === 'media' ? names : []) });

  test('is one that no claim of the target namespace has', () => {
    expect(freeTarget({ namespace: 'media', pvc: 'photos' }, known('photos'))).toBe('photos-restored');
    expect(freeTarget({ namespace: 'media', pvc: 'photos' }, known('photos-restored', 'photos-restored-2'))).toBe('photos-restored-3');
    expect(freeTarget({ namespace: 'media', to: 'lab', pvc: 'photos' }, known('photos-restored'))).toBe('photos-restored');
    expect(freeTarget({ namespace: 'media' }, known())).toBeUndefined();
  });

  test('is counted up from any that it may be', () => {
    expect(['a-restored', 'a-restored-2', 'a-restored-9', 'a'].map(nextName)).toEqual(['a-restored-2', 'a-restored-3', 'a-restored-10', 'a-restored-2']);
    expect(nextName(`${'a'.repeat(244)}-restored`)).toBe(`${'a'.repeat(242)}-restored-2`);
  });

  test('is no longer than Kubernetes allows, and ends as a name may', () => {
    expect(freeTarget({ namespace: 'media', pvc: 'a'.repeat(253) }, known())).toHaveLength(253);
    expect(freeTarget({ namespace: 'media', pvc: `${'a'.repeat(243)}.bbb` }, known())).toBe(`${'a'.repeat(243)}-restored`);
  });
});

describe('a request for a namespace', () => {
  test('waits for a namespace, and for a time that is one', () => {
    expect(namespaceRequest({ pvc: 'photos' }, false)).toBeNull();
    expect(namespaceRequest({ namespace: 'media', asOf: '' }, false)).toBeNull();
  });

  test('keeps the names, and is of the latest backups, unless said otherwise', () => {
    expect(namespaceRequest({ namespace: 'media' }, false)).toEqual({ namespace: 'media', target_namespace: 'media', target_prefix: '', snapshot: 'latest', include_orphans: false });
    expect(namespaceRequest({ namespace: 'media', to: 'lab', prefix: 'b-', asOf: '2026-03-01T12:00:00Z', make: true }, true)).toEqual({
      namespace: 'media', target_namespace: 'lab', target_prefix: 'b-', as_of: '2026-03-01T12:00:00Z', include_orphans: true, create_namespace: true,
    });
  });
});

test('claims that exist only as backups are ticked where nothing else is left, unless they were unticked', () => {
  expect(withOrphans({ namespace: 'attic' }, golden.inventory)).toBe(true);
  expect(withOrphans({ namespace: 'attic', orphans: false }, golden.inventory)).toBe(false);
  expect(withOrphans({ namespace: 'media' }, golden.inventory)).toBe(false);
  expect(withOrphans({ namespace: 'media', orphans: true }, golden.inventory)).toBe(true);
  expect(withOrphans({ namespace: 'nowhere' }, golden.inventory)).toBe(false);
  expect(withOrphans({ namespace: 'attic' }, undefined)).toBe(false);
});

describe('the prefix of a namespace’s new names', () => {
  const [media] = golden.inventory.namespaces.filter(({ name }) => name === 'media');
  const inventory = { ...golden.inventory, namespaces: media ? [media] : [] };

  test('is none where no claim has their own names', () => {
    expect(defaultPrefix({ namespace: 'attic' }, inventory)).toBe('');
    expect(defaultPrefix({ namespace: 'media', to: 'lab' }, inventory)).toBe('');
    expect(defaultPrefix({ namespace: 'media' }, undefined)).toBe('');
  });

  test('is a free one where one has', () => {
    expect(defaultPrefix({ namespace: 'media' }, inventory)).toBe('restored-');
    const lab = { name: 'lab', pvcs: ['photos', 'restored-music'].flatMap((pvc) => (media?.pvcs[0] ? [{ ...media.pvcs[0], namespace: 'lab', pvc }] : [])) };
    expect(defaultPrefix({ namespace: 'media', to: 'lab' }, { ...inventory, namespaces: [...inventory.namespaces, lab] })).toBe('restored-2-');
  });

  test('minds claims that exist only as backups where they are restored, too', () => {
    const wiki = { name: 'lab', pvcs: media?.pvcs[0] ? [{ ...media.pvcs[0], namespace: 'lab', pvc: 'wiki' }] : [] };
    const known = { ...inventory, namespaces: [wiki] };
    expect([defaultPrefix({ namespace: 'attic', to: 'lab' }, known), defaultPrefix({ namespace: 'attic', to: 'lab', orphans: false }, known)]).toEqual(['restored-', '']);
  });
});

describe('the start of a plan', () => {
  const request = { namespace: 'media', snapshot: 'latest' };
  const plan = (...results: NamespaceRestore['results']): NamespaceRestore => ({ ...golden.namespaceRestoreDryRun, results });
  const photos = { pvc: 'photos', target_pvc: 'b-photos', result: 'would_start', backup: 'aaaa', taken_at: '2026-03-01T12:00:00Z' } as const;

  test('is of the backups that it showed, and of no claim that it refused', () => {
    expect(startOf(request, plan(photos, { pvc: 'books', target_pvc: 'b-books', result: 'refused', error: 'none' }))).toEqual({
      ...request, claims: [{ pvc: 'photos', target_pvc: 'b-photos', snapshot: 'aaaa' }],
    });
  });

  test('names no claims to a Soteria that did not say which backups it found', () => {
    expect(startOf(request, plan({ ...photos, taken_at: null }))).toEqual(request);
  });

  test('whose names are taken is offered a prefix that is free', () => {
    const taken = { ...plan({ ...photos, result: 'refused', field: 'target_pvc' }), target_namespace: 'media', error: 'taken' };
    const known = (...names: string[]) => ({ claims: () => names });
    expect(freePrefix(taken, known('photos'))).toBe('restored-');
    expect(freePrefix(taken, known('photos', 'restored-photos'))).toBe('restored-2-');
    expect(freePrefix({ ...taken, results: [] }, known())).toBeNull();
    expect(freePrefix(plan(photos), known())).toBeNull();
  });
});
