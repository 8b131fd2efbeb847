import { ageInWords, localTime, utcTime } from '@/words/age';
import { useNow } from './now';

/** A time as words, with the exact time on hover and for those who listen. */
export function Age({ time }: { time: string | null | undefined }) {
  const now = useNow();
  if (!time) return <span className="muted">never</span>;
  const at = new Date(time);
  return (
    <time dateTime={time} title={`${utcTime(at)}\n${localTime(at)}`}>
      {ageInWords(at, now)}
    </time>
  );
}

/** A time to the second, with its age beside it. */
export function Moment({ time }: { time: string }) {
  return (
    <>
      <span className="figure">{utcTime(new Date(time))}</span>{' '}
      <span className="muted">
        (<Age time={time} />)
      </span>
    </>
  );
}
