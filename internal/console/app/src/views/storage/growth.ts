import type { BucketPoint } from '@/api/types';
import { utcDay } from '@/words/age';
import { bytesInWords, changeInWords, countInWords, plural } from '@/words/size';

const DAY = 86_400_000;
/** Over how many days growth is told, where that many are known. */
const SPANS = [7, 30, 365];

const dayOf = ({ scanned_at }: BucketPoint) => Math.floor(Date.parse(scanned_at) / DAY);

/** Says how much a bucket has grown: "+1.2 GiB in 30 days". Its history is oldest first; where it is shorter, as far as it goes. */
export function growthInWords(history: readonly BucketPoint[]): string[] {
  const [first, last] = [history[0], history.at(-1)];
  if (!first || !last || first === last) return [];
  const since = SPANS.map((days) => history.findLast((point) => dayOf(last) - dayOf(point) >= days) ?? first);
  return [...new Set(since)].map((point) => change(point, last));
}

function change(before: BucketPoint, last: BucketPoint): string {
  const words = changeInWords(last.bytes, before.bytes);
  return `${words === 'same' ? 'unchanged' : words} in ${plural(dayOf(last) - dayOf(before), 'day')}`;
}

/** The day of a scan, in UTC. */
export function dayInWords({ scanned_at }: BucketPoint): string {
  return utcDay(new Date(scanned_at));
}

/** Says what a curve of a history shows. */
export function curveInWords(history: readonly BucketPoint[]): string {
  const [first, last] = [history[0], history.at(-1)];
  if (!first || !last) return '';
  const most = Math.max(...history.map(({ bytes }) => bytes));
  return `Stored on ${plural(history.length, 'day')}: ${bytesInWords(first.bytes)} on ${dayInWords(first)}, ${bytesInWords(last.bytes)} on ${dayInWords(last)}, at most ${bytesInWords(most)}`;
}

/** Draws a history as a line from the first scan to the last, above zero, in a box of that size. */
export function lineOf(history: readonly BucketPoint[], width: number, height: number): string {
  const times = history.map(({ scanned_at }) => Date.parse(scanned_at));
  const [begin, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  const most = Math.max(1, ...history.map(({ bytes }) => bytes));
  const place = (value: number) => value.toFixed(1);
  return history.map(({ bytes }, i) => `${place((((times[i] ?? 0) - begin) / Math.max(1, end - begin)) * width)},${place(height - (bytes / most) * height)}`).join(' ');
}

/** A day of a history in words. */
export interface DayRow {
  day: string;
  size: string;
  change: string;
  objects: string;
}

/** Puts a history in words, newest first, each day with its change since the one before. */
export function rowsOf(history: readonly BucketPoint[]): DayRow[] {
  return history
    .map((point, i) => ({
      day: dayInWords(point),
      size: bytesInWords(point.bytes),
      change: changeInWords(point.bytes, history[i - 1]?.bytes) ?? '',
      objects: countInWords(point.objects),
    }))
    .reverse();
}
