import { describe, expect, test } from 'vitest';
import { ScheduleError, readSchedule } from './cron';

const now = new Date('2026-03-28T12:00:00Z');
const next = (text: string) => readSchedule(text, now).next.map((time) => time.toISOString());

describe('a schedule', () => {
  test('is said in words, with its zone and the next five runs', () => {
    const reading = readSchedule('0 2 * * *', now);
    expect(reading.words).toBe('At 02:00, every day, UTC');
    expect(next('0 2 * * *')).toEqual(['29', '30', '31'].map((day) => `2026-03-${day}T02:00:00.000Z`).concat('2026-04-01T02:00:00.000Z', '2026-04-02T02:00:00.000Z'));
  });

  test('counts in the zone that it names, also over a change of the clock', () => {
    expect(next('CRON_TZ=Europe/Berlin 0 12 * * *').slice(0, 2)).toEqual(['2026-03-29T10:00:00.000Z', '2026-03-30T10:00:00.000Z']);
    expect(next('TZ=Europe/Berlin 0 14 * * *')[0]).toBe('2026-03-28T13:00:00.000Z');
  });

  test.each(['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'])('may be %s', (alias) => {
    expect(next(alias)).toHaveLength(5);
  });

  test('takes a day of the month or a day of the week where both are named, as Soteria does', () => {
    expect(next('0 0 13 * 5')[0]).toBe('2026-04-03T00:00:00.000Z');
  });

  test('may count from the last backup, and then has no runs by the clock', () => {
    expect(readSchedule('@every 1h30m', now)).toEqual({ words: 'Every 1 h 30 min', next: [] });
  });

  test.each(['', 'nightly', '0 2 * *', '* * * * * *', '99 2 * * *', '0 0 30 2 *', '@every soon', 'CRON_TZ=Nowhere/Land 0 2 * * *', 'CRON_TZ=UTC'])('%j is refused, in words', (text) => {
    expect(() => readSchedule(text, now)).toThrow(ScheduleError);
  });
});
