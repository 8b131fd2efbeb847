import { plural } from '@/words/size';

/** How many backups were taken on each of the last days, oldest first, today last; null where nobody can tell. */
export type RecentDays = readonly (number | null)[];

/** Says on which of the last days backups were taken: "backups on 12 of the last 14 days, none today". */
export function daysInWords(days: RecentDays): string {
  const backedUp = days.filter((count) => count !== null && count > 0).length;
  const untold = days.filter((count) => count === null).length;
  const known = backedUp === 0 ? `no backup known of the last ${plural(days.length, 'day')}` : `backups on ${backedUp} of the last ${plural(days.length, 'day')}`;
  if (untold > 0) return `${known}; ${untold === 1 && days.at(-1) === null ? 'today' : plural(untold, 'day')} cannot be told`;
  const since = days.length - 1 - days.findLastIndex((count) => count !== 0);
  if (backedUp === 0 || since === 0) return known;
  return `${known}, none ${since === 1 ? 'today' : `for ${since} days`}`;
}

/** Measures of a drawing of days, in units of its own. */
export const DRAWING = { step: 6, bar: 4, height: 18, least: 6 } as const;

/** The outlines of a drawing of days: a bar where there are backups, a dash where there are none, an open box where nobody can tell. */
export interface Outlines {
  bars: string;
  dashes: string;
  boxes: string;
}

/** Draws days as bars, the higher the more backups beside the day that has most. */
export function outlinesOf(days: RecentDays): Outlines {
  const { step, bar, height, least } = DRAWING;
  const most = Math.max(1, ...days.map((count) => count ?? 0));
  const outlines: Outlines = { bars: '', dashes: '', boxes: '' };
  days.forEach((count, i) => {
    const x = i * step;
    if (count === null) outlines.boxes += `M${x + 0.5} ${height - 0.5}v-5h${bar - 1}v5z`;
    else if (count === 0) outlines.dashes += `M${x} ${height - 1}h${bar}`;
    else outlines.bars += `M${x} ${height}v-${Math.round(least + ((height - least) * count) / most)}h${bar}V${height}z`;
  });
  return outlines;
}
