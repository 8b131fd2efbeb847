import { describe, expect, test } from 'vitest';
import type { Backup, ClaimEvent } from '@/api/types';
import { lanesOf, withChanges } from './timeline';
import { PATIENCE, watched, type Watch } from './watch';

const taken = (id: string, driver: string, hour: number, size: number | null): Backup => ({
  id, driver, taken_at: `2026-03-01T${String(hour).padStart(2, '0')}:00:00Z`, created: '', state: 'completed', outcome: 'complete', size_bytes: size, size, files: null, tags: [], labels: {},
});
const backups = [taken('d', 'restic', 12, 4096), taken('c', 'longhorn', 10, 100), taken('b', 'restic', 8, null), taken('a', 'restic', 6, 1024)];

test('sizes are compared with the backup before of the same driver, if both are known', () => {
  expect(withChanges([taken('e', 'restic', 13, 5120), ...backups]).map(({ id, change }) => [id, change])).toEqual([['e', '+1.0 KiB'], ['d', null], ['c', null], ['b', null], ['a', null]]);
});

test('each driver has a lane, with its backups along time', () => {
  const lanes = lanesOf(backups, new Date('2026-03-01T18:00:00Z'));
  expect(lanes.map(({ driver, marks }) => [driver, marks.map(({ id, x }) => [id, x])])).toEqual([
    ['longhorn', [['c', 4 / 12]]],
    ['restic', [['d', 0.5], ['b', 2 / 12], ['a', 0]]],
  ]);
  expect(lanes[1]?.marks.map(({ height }) => height)).toEqual([1, null, 0.25]);
});

describe('a backup that was started here', () => {
  const watch: Watch = { started: { driver: 'restic', job_name: 'soteria-backup-9', namespace: 'media', requested_by: 'ada', dry_run: false }, at: 1000, before: backups };
  const told = (reason: string, message: string): ClaimEvent[] => [
    { first_at: '', last_at: '', count: 1, type: 'Normal', reason, message, source: 'soteria', object: { kind: 'PersistentVolumeClaim', namespace: 'media', name: 'photos' } },
  ];
  const newer = [taken('e', 'restic', 13, 1), ...backups];

  test('is there once its driver lists one that is newer than all that were there', () => {
    expect(watched(watch, [taken('e', 'longhorn', 13, 1), ...backups], [], 2000)).toEqual({ state: 'waiting' });
    expect(watched(watch, newer, [], 2000)).toMatchObject({ state: 'there', backup: { id: 'e' }, lacking: null });
    expect(watched({ ...watch, before: [] }, [taken('e', 'restic', 13, 1)], [], 2000)).toMatchObject({ state: 'there' });
  });

  test('is not taken to be an old one that shows up as others go', () => {
    expect(watched(watch, [taken('z', 'restic', 1, 1)], [], 2000)).toEqual({ state: 'waiting' });
  });

  test('is not known to be there where nobody could tell which were there before, but to be complete once an event says so', () => {
    const unsure = { ...watch, before: null };
    expect(watched(unsure, backups, [], 2000)).toEqual({ state: 'waiting' });
    expect(watched(unsure, backups, told('BackupCompleted', 'backup 01234567 by Job soteria-backup-9 is complete: 3 files'), 2000)).toEqual({ state: 'unlisted', lacking: null });
  });

  test('failed if an event says so of its Job, and not of another', () => {
    const failed = 'backup by Job soteria-backup-9 failed: wrong password';
    expect(watched(watch, [], told('BackupFailed', failed), 2000)).toEqual({ state: 'failed', message: failed });
    expect(watched(watch, [], told('BackupFailed', 'backup by Job soteria-backup-91 failed: wrong password'), 2000)).toEqual({ state: 'waiting' });
  });

  test('of a driver without Jobs failed if an event says so of the backup', () => {
    const ofLonghorn: Watch = { ...watch, started: { ...watch.started, driver: 'longhorn', job_name: undefined, backup: 'backup-12ab' } };
    expect(watched(ofLonghorn, [], told('BackupFailed', 'backup backup-12ab failed: the target is away'), 2000)).toMatchObject({ state: 'failed' });
  });

  test('that lacks files says so, listed or not', () => {
    const partial = told('BackupPartial', 'backup 01234567 by Job soteria-backup-9 lacks files that could not be read: /data/secret');
    expect(watched(watch, backups, partial, 2000)).toEqual({ state: 'unlisted', lacking: partial[0]?.message });
    expect(watched(watch, newer, partial, 2000)).toMatchObject({ state: 'there', lacking: partial[0]?.message });
  });

  test('is only told of by events of its end', () => {
    expect(watched(watch, [], told('Requested', 'ada asked for soteria-backup-9'), 2000)).toEqual({ state: 'waiting' });
  });

  test('is not waited for for ever', () => {
    expect(watched(watch, [], [], 1001 + PATIENCE)).toEqual({ state: 'unseen' });
  });
});
