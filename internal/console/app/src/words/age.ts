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

/** How far ahead of now a time may be that has been, in milliseconds: clocks differ. Soteria allows a backup as much. */
const AHEAD = 10 * MINUTE;

/** Says how long ago something was: "3 hours ago". What is dated a little ahead was just now; further ahead its date is wrong. */
export function agoInWords(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  if (ms < -AHEAD) return `dated ${spanInWords(-ms)} ahead`;
  const chosen = unitOf(ms);
  return chosen ? relative.format(-Math.trunc(ms / chosen.ms), chosen.unit) : 'just now';
}

/** Says how long it is until something that is due: "in 20 minutes". What should have been by now is overdue. */
export function dueInWords(time: Date, now: Date): string {
  const ms = time.getTime() - now.getTime();
  if (ms <= -MINUTE) return `overdue by ${spanInWords(-ms)}`;
  if (ms <= 0) return 'due now';
  const chosen = unitOf(ms);
  return chosen ? relative.format(Math.trunc(ms / chosen.ms), chosen.unit) : 'in less than a minute';
}

function unitOf(ms: number) {
  return UNITS.find(({ from }) => ms >= from);
}

/** Says how long a span of at least a minute is, in one unit: "23 minutes". */
function spanInWords(ms: number): string {
  const { unit, ms: size } = unitOf(ms) ?? { unit: 'minute', ms: MINUTE };
  const count = Math.max(1, Math.trunc(ms / size));
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
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

/** A day in UTC, as the bucket's history has it: "2026-04-12". */
export function utcDay(time: Date): string {
  return time.toISOString().slice(0, 10);
}

const zoned = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** A time to the second in the reader's zone, which it names. */
export function zonedTime(time: Date): string {
  return zoned.format(time);
}

const MINUTES = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const;
const short = new Intl.DateTimeFormat('en-GB', MINUTES);
const exact = new Intl.DateTimeFormat('en-GB', { ...MINUTES, second: '2-digit' });
const onPaper = new Intl.DateTimeFormat('en-GB', { ...MINUTES, timeZoneName: 'short' });

/** A time to the minute in the reader's zone: "12 Apr 2026, 17:30". */
export function shortTime(time: Date): string {
  return short.format(time);
}

/** A time to the second in the reader's zone: "12 Apr 2026, 17:30:00". */
export function exactTime(time: Date): string {
  return exact.format(time);
}

/** A time to the minute with its zone, where nothing can be hovered over: "12 Apr 2026, 17:30 CEST". */
export function printedTime(time: Date): string {
  return onPaper.format(time);
}

/** Puts a time in RFC 3339 as a field for a date and a time has it, in the reader's zone; empty where it is no time. */
export function localInput(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return '';
  const two = (value: number) => String(value).padStart(2, '0');
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Reads a field for a date and a time, which is in the reader's zone, into RFC 3339; empty where it holds none. */
export function timeOfInput(typed: string): string {
  const at = new Date(typed);
  return typed === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString().replace(/\.\d+Z$/, 'Z');
}
