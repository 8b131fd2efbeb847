import type { Backup } from '@/api/types';
import { useNow } from '@/parts/now';
import { shortTime } from '@/words/age';
import { plural } from '@/words/size';
import { lanesOf, type Mark } from './timeline';

const WIDTH = 600;
const HEIGHT = 44;
const BAR = 3;

/** When backups were taken and how large each is, as bars along time. The table below has the same in words. */
export function Timeline({ backups }: { backups: Backup[] }) {
  const now = useNow();
  const oldest = backups.at(-1);
  if (!oldest) return null;
  return (
    <figure className="timeline">
      {lanesOf(backups, now).map(({ driver, marks }) => (
        <div key={driver} className="lane">
          <span className="lane-name">{driver}</span>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${plural(marks.length, 'backup')} by ${driver} since ${shortTime(new Date(oldest.taken_at))}`}>
            <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="lane-line" />
            {marks.map((mark) => (
              <Bar key={mark.id} mark={mark} />
            ))}
          </svg>
        </div>
      ))}
      <figcaption className="timeline-ends">
        <span>{shortTime(new Date(oldest.taken_at))}</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

function Bar({ mark }: { mark: Mark }) {
  const height = mark.height === null ? HEIGHT / 4 : Math.max(3, mark.height * (HEIGHT - 4));
  return <rect x={mark.x * (WIDTH - BAR)} y={HEIGHT - height} width={BAR} height={height} className={mark.height === null ? 'lane-bar lane-bar-unknown' : 'lane-bar'} />;
}
