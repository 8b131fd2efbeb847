import { describe, expect, test } from 'vitest';
import type { ClaimEvent } from '@/api/types';
import { golden } from '@/testing/golden';
import { endingsInWords, outcomesOf } from '../batch/endings';
import { choicesIn, isFiltered, readFilters, type Filters } from './filters';
import { rowsOf, type Row } from './rows';

describe('filters in an address', () => {
  test.each([
    ['nothing', {}, {}],
    ['all of them', { q: 'db', state: 'held', protection: 'auto', driver: 'restic', ns: 'shop', sort: 'age', desc: true }, { q: 'db', state: 'held', protection: 'auto', driver: 'restic', ns: 'shop', sort: 'age', desc: true }],
    ['what is unknown is left out', { state: 'enchanted', sort: 'colour', desc: 'maybe', other: 'x' }, {}],
    ['what is empty is left out', { q: ' ', ns: '' }, {}],
    ['the default order is left out', { sort: 'name' }, {}],
    ['a name of digits', { q: 2024 }, { q: '2024' }],
  ])('%s', (_, search, filters) => {
    expect(readFilters(search)).toEqual(filters);
  });

  test('an order hides nothing', () => {
    expect(isFiltered({ sort: 'age', desc: true })).toBe(false);
    expect(isFiltered({ q: 'x' })).toBe(true);
  });
});

const none = new Set<string>();
const name = (row: Row) => (row.kind === 'namespace' ? `[${row.name}]` : row.kind === 'claim' ? row.claim.pvc : `(${row.orphan.pvc})`);
const lines = (filters: Filters, closed = none) => rowsOf(golden.inventory, filters, closed).map(name);

describe('the lines of the inventory', () => {
  test('are namespaces, each with its claims below it, and orphans last', () => {
    expect(lines({})).toEqual([
      '[ai]', 'models', '[attic]', '(wiki)', '[kube-system]', 'registry',
      '[media]', 'bad', 'inbox', 'music', 'photos', 'scratch', 'thumbnails',
      '[shop]', 'db', 'queue', 'static',
    ]);
  });

  test('of a closed namespace are one', () => {
    expect(lines({ ns: 'media' }, new Set(['media']))).toEqual(['[media]']);
  });

  test('leave out namespaces of which nothing is shown', () => {
    expect(lines({ state: 'fresh' })).toEqual(['[ai]', 'models']);
    expect(lines({ state: 'orphan' })).toEqual(['[attic]', '(wiki)']);
    expect(lines({ protection: 'required' })).toEqual(['[ai]', 'models', '[media]', 'music']);
  });

  test('match every word that is searched for, in namespace/name', () => {
    expect(lines({ q: 'media pho' })).toEqual(['[media]', 'photos']);
    expect(lines({ q: 'MEDIA/' })[0]).toBe('[media]');
    expect(lines({ q: 'nothing' })).toEqual([]);
  });

  test('are in order within their namespace; claims without backups are the oldest', () => {
    expect(lines({ ns: 'media', sort: 'age' })[1]).toBe('photos');
    expect(lines({ ns: 'media', sort: 'age', desc: true }).at(-1)).toBe('photos');
    expect(lines({ ns: 'media', sort: 'count', desc: true })[1]).toBe('photos');
    expect(lines({ ns: 'media', sort: 'state' })[1]).toBe('photos');
  });

  test('have keys of their own', () => {
    const keys = rowsOf(golden.inventory, {}, none).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('count a namespace’s claims by state', () => {
    const media = rowsOf(golden.inventory, { ns: 'media' }, none)[0];
    expect(media).toMatchObject({ kind: 'namespace', claims: 6, orphans: 0, counts: { stale: 1, none: 3, other: 2 } });
  });
});

test('only what the inventory has can be chosen', () => {
  expect(choicesIn(golden.inventory)).toEqual({ drivers: ['longhorn', 'restic'], protections: ['auto', 'required', 'skip', 'none', 'invalid'] });
});

describe('a batch of backups', () => {
  const [one] = golden.namespaceBackup.results;
  const batch = { ...golden.namespaceBackup, results: ['a', 'b', 'c'].map((pvc) => ({ ...one, pvc, result: 'started' as const, driver: 'restic', job_name: `soteria-backup-${pvc}` })) };
  const told = (reason: string, message: string): ClaimEvent => ({
    first_at: '', last_at: '', count: 1, type: 'Warning', reason, message, source: 'soteria', object: { kind: 'PersistentVolumeClaim', namespace: 'media', name: '' },
  });

  test('has only been started while no event tells more', () => {
    expect(endingsInWords(outcomesOf(batch))).toBe('0 of 3 backups have ended.');
  });

  test('tells how each ended, and why one did not end well', () => {
    const failed = 'backup by Job soteria-backup-b failed: wrong password';
    const results = outcomesOf(batch, [told('BackupCompleted', 'backup 0123 by Job soteria-backup-a is complete'), told('BackupFailed', failed)]);
    expect(results.map(({ result, error }) => [result, error])).toEqual([['complete', undefined], ['failed', failed], ['started', undefined]]);
    expect(endingsInWords(results)).toBe('2 of 3 backups have ended: 1 complete, 1 failed.');
  });
});
