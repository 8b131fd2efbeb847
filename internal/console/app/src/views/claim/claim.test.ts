import { describe, expect, test } from 'vitest';
import type { Backup, PolicyClaim } from '@/api/types';
import { golden } from '@/testing/golden';
import { lanesOf, withChanges } from './timeline';
import { PATIENCE, waitToLook, watched, type Watch } from './watch';

const taken = (id: string, driver: string, hour: number, size: number | null): Backup => ({
  id, driver, taken_at: `2026-03-01T${String(hour).padStart(2, '0')}:00:00Z`, created: '', state: 'completed', size_bytes: size, size, files: null, tags: [], labels: {},
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
  const standing = (message: string): PolicyClaim => ({ ...golden.policies.claims[0], namespace: 'media', pvc: 'photos', policy_id: 'x', source: 'api-claim', driver: 'restic', last_backup_at: null, next_run: null, state: 'failing', message });

  test('is there once its driver lists one that is newer than all that were there', () => {
    expect(watched(watch, [taken('e', 'longhorn', 13, 1), ...backups], undefined, 2000)).toEqual({ state: 'waiting' });
    expect(watched(watch, [taken('e', 'restic', 13, 1), ...backups], undefined, 2000)).toMatchObject({ state: 'there', backup: { id: 'e' } });
    expect(watched({ ...watch, before: [] }, [taken('e', 'restic', 13, 1)], undefined, 2000)).toMatchObject({ state: 'there' });
  });

  test('is not taken to be an old one that shows up as others go', () => {
    expect(watched(watch, [taken('z', 'restic', 1, 1)], undefined, 2000)).toEqual({ state: 'waiting' });
  });

  test('is not known to be there where nobody could tell which were there before', () => {
    expect(watched({ ...watch, before: null }, backups, undefined, 2000)).toEqual({ state: 'waiting' });
  });

  test('failed if the claim’s policy says so of its Job, and not of an earlier one', () => {
    expect(watched(watch, [], standing('Job media/soteria-backup-9 failed'), 2000)).toMatchObject({ state: 'failed' });
    expect(watched(watch, [], standing('Job media/soteria-backup-1 failed'), 2000)).toEqual({ state: 'waiting' });
  });

  test('is not waited for for ever, and looked for ever less often', () => {
    expect(watched(watch, [], undefined, 1001 + PATIENCE)).toEqual({ state: 'unseen' });
    expect([1000, 101_000, 10_001_000].map((now) => waitToLook(watch, now))).toEqual([3000, 10_000, 30_000]);
  });
});
