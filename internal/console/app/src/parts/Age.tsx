import { agoInWords, dueInWords, exactTime, zonedTime } from '@/words/age';
import { serverTime, useNow } from './now';

/** When something was, as words, with the exact time and its zone on hover. */
export function Age({ time }: { time: string | null | undefined }) {
  const now = useNow();
  if (!time) return <span className="muted">never</span>;
  return <Words time={time}>{agoInWords(new Date(time), now)}</Words>;
}

/** When something is due, as words, with the exact time and its zone on hover. */
export function Due({ time }: { time: string }) {
  const now = useNow();
  return <Words time={time}>{dueInWords(new Date(time), now)}</Words>;
}

/** How long ago something was by the browser's clock, in milliseconds. */
export function SinceHere({ at }: { at: number }) {
  return <Age time={new Date(serverTime(at)).toISOString()} />;
}

function Words({ time, children }: { time: string; children: string }) {
  return (
    <time dateTime={time} title={zonedTime(new Date(time))}>
      {children}
    </time>
  );
}

interface MomentProps {
  time: string;
  /** Whether it is to come; else it has been. */
  due?: boolean;
}

/** A time to the second in the reader's zone, with how far it is from now beside it. */
export function Moment({ time, due }: MomentProps) {
  return (
    <>
      <span className="figure" title={zonedTime(new Date(time))}>
        {exactTime(new Date(time))}
      </span>{' '}
      <span className="muted">({due ? <Due time={time} /> : <Age time={time} />})</span>
    </>
  );
}
