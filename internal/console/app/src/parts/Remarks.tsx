import type { Wording } from '@/words/health';
import { State } from './State';

/** What is to be known of something, each with its meaning in a sentence. */
export function Remarks({ remarks }: { remarks: readonly Wording[] }) {
  return (
    <ul className="remarks">
      {remarks.map((remark) => (
        <li key={remark.label}>
          <State wording={remark} /> {remark.meaning}
        </li>
      ))}
    </ul>
  );
}

/** Sentences of the API, one a line. */
export function Notes({ notes }: { notes: readonly string[] }) {
  return (
    <ul className="notes">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}
