import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { pace, sampled, shareDone } from './rate';

const moved = (bytes: number, attempt = 1) => ({
  ...golden.restore,
  attempt,
  progress: { bytes_done: bytes, bytes_total: 4000, files_done: 0, files_total: 0, summary: '' },
});

describe('the pace of a restore', () => {
  test('is unknown after one look', () => {
    expect(pace(sampled([], moved(1000), 0), 4000)).toEqual({ bytesPerSecond: null, left: null });
  });

  test('is told by two', () => {
    const samples = sampled(sampled([], moved(1000), 0), moved(2000), 2000);
    expect(pace(samples, 4000)).toEqual({ bytesPerSecond: 500, left: 4000 });
  });

  test('is that of the last minute alone', () => {
    const samples = [0, 30_000, 61_000, 90_000].reduce((before, at, i) => sampled(before, moved(i < 2 ? 0 : i * 1000), at), sampled([], moved(0), 0));
    expect(samples.map(({ at }) => at)).toEqual([30_000, 61_000, 90_000]);
  });

  test('begins anew with a new attempt, and when bytes went back', () => {
    const samples = sampled(sampled([], moved(1000), 0), moved(2000), 2000);
    expect(sampled(samples, moved(2100, 2), 3000)).toHaveLength(1);
    expect(sampled(samples, moved(10), 3000)).toHaveLength(1);
  });

  test('does not change with an answer that was seen before', () => {
    const samples = sampled([], moved(1000), 500);
    expect(sampled(samples, moved(1000), 500)).toEqual(samples);
  });

  test('leaves the time open while nothing moves or the total is unknown', () => {
    const stuck = sampled(sampled([], moved(1000), 0), moved(1000), 2000);
    expect(pace(stuck, 4000)).toEqual({ bytesPerSecond: 0, left: null });
    const moving = sampled(sampled([], moved(1000), 0), moved(2000), 2000);
    expect(pace(moving, 0).left).toBeNull();
  });
});

test('the share that is done is unknown until the total is known, and whole once it is completed', () => {
  expect(shareDone(golden.restore)).toBe(0.25);
  expect(shareDone({ ...golden.restore, progress: null })).toBeNull();
  expect(shareDone({ ...golden.restore, progress: { ...moved(5).progress, bytes_total: 0 } })).toBeNull();
  expect(shareDone({ ...golden.restore, progress: null, phase: 'Completed' })).toBe(1);
});
