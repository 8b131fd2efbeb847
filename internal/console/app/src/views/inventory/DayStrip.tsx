import { memo } from 'react';
import { DRAWING, daysInWords, outlinesOf, type RecentDays } from './days';

/** On which of the last days backups were taken, drawn small, with the same in words. Three paths at most, so that many lines stay cheap. */
export const DayStrip = memo(function DayStrip({ days }: { days: RecentDays | undefined }) {
  if (!days) return null;
  const { bars, dashes, boxes } = outlinesOf(days);
  return (
    <svg className="days" viewBox={`0 0 ${days.length * DRAWING.step} ${DRAWING.height}`} role="img">
      <title>{daysInWords(days)}</title>
      {bars && <path d={bars} className="days-bars" />}
      {dashes && <path d={dashes} className="days-dashes" />}
      {boxes && <path d={boxes} className="days-boxes" />}
    </svg>
  );
});
