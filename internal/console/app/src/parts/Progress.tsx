import type { Restore } from '@/api/types';
import { shareDone } from '@/words/rate';

/** How far a restore is, as a bar; without a known total the bar says only that something moves. */
export function Progress({ restore }: { restore: Pick<Restore, 'pvc' | 'phase' | 'progress'> }) {
  const share = shareDone(restore);
  if (share === null && !restore.progress) return null;
  const percent = share === null ? null : Math.floor(share * 100);
  return (
    <span className="progress-line">
      <progress className="progress" max={100} value={percent ?? undefined} aria-label={`Progress of ${restore.pvc}`} />
      <span className="figure">{percent === null ? '' : `${percent} %`}</span>
    </span>
  );
}
