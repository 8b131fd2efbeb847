import { Cron } from 'croner';
import { toString as cronInWords } from 'cronstrue';
import { durationInWords } from './age';

/** What a schedule says: in words, and when it comes next. */
export interface Reading {
  words: string;
  /** Empty for a schedule that counts from the last backup, not from the clock. */
  next: Date[];
}

/** Why a schedule cannot be read. The API has the last word: it reads what is sent again. */
export class ScheduleError extends Error {}

const ALIASES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const RUNS = 5;

/** Reads a schedule as Soteria does: five cron fields, an alias or @every, in UTC unless CRON_TZ names a zone. */
export function readSchedule(text: string, now: Date): Reading {
  const { zone, fields } = split(text.trim());
  const every = /^@every\s+(.+)$/.exec(fields)?.[1];
  if (every !== undefined) return { words: `Every ${durationInWords(goDuration(every))}`, next: [] };
  const pattern = ALIASES[fields] ?? fields;
  if (pattern.split(/\s+/).length !== 5) throw new ScheduleError('needs five cron fields, such as 0 */6 * * *');
  try {
    const next = new Cron(pattern, { timezone: zone, paused: true }).nextRuns(RUNS, now);
    if (next.length === 0) throw new ScheduleError('is of a time that never comes');
    return { words: `${cronInWords(pattern, { use24HourTimeFormat: true, verbose: true })}, ${zone}`, next };
  } catch (cause) {
    throw cause instanceof ScheduleError ? cause : new ScheduleError(`cannot be understood: ${messageOf(cause)}`);
  }
}

function split(text: string): { zone: string; fields: string } {
  const match = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  return { zone: match?.[1] ?? 'UTC', fields: match?.[2]?.trim() ?? text };
}

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 };

/** Reads a duration such as 1h30m, in milliseconds. */
function goDuration(text: string): number {
  if (!/^(\d+(\.\d+)?[hms])+$/.test(text)) throw new ScheduleError('needs a duration such as 8h or 1h30m');
  return [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? 's'] ?? 0), 0);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
