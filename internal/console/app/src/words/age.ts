const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Units for an age, the largest first, each used from `from` on. Two of a unit say more than one of the next. */
const UNITS = [
  { unit: 'year', ms: 365 * DAY, from: 2 * 365 * DAY },
  { unit: 'month', ms: 30 * DAY, from: 60 * DAY },
  { unit: 'week', ms: 7 * DAY, from: 14 * DAY },
  { unit: 'day', ms: DAY, from: 2 * DAY },
  { unit: 'hour', ms: HOUR, from: 2 * HOUR },
  { unit: 'minute', ms: MINUTE, from: MINUTE },
] as const;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** Says how long ago a time is, or how long until it: "3 hours ago", "in 20 minutes". */
export function ageInWords(time: Date, now: Date): string {
  const ms = time.getTime() - now.getTime();
  const chosen = UNITS.find(({ from }) => Math.abs(ms) >= from);
  if (!chosen) return ms > 0 ? 'in less than a minute' : 'just now';
  return relative.format(Math.trunc(ms / chosen.ms), chosen.unit);
}

/** Says how long something takes: "45 s", "12 min", "3 h 20 min", "2 d 4 h". */
export function durationInWords(ms: number): string {
  if (ms < MINUTE) return `${Math.max(1, Math.round(ms / 1000))} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min');
  return pair(ms, DAY, 'd', HOUR, 'h');
}

function pair(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rounded = Math.round(ms / small) * small;
  const rest = Math.round((rounded % big) / small);
  const whole = `${Math.floor(rounded / big)} ${bigName}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallName}`;
}

/** A time to the second in UTC, as logs have it: "2026-04-12 15:30:00 UTC". */
export function utcTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A day in UTC, as logs have it: "2026-04-12". */
export function utcDay(time: Date): string {
  return time.toISOString().slice(0, 10);
}

const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** A time to the second in the reader's zone, which it names. */
export function localTime(time: Date): string {
  return local.format(time);
}

const short = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });

/** A time to the minute in the reader's zone. */
export function shortTime(time: Date): string {
  return short.format(time);
}
