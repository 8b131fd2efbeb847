import type { Bucket } from '@/api/types';
import { Table, type Column } from '@/parts/Table';
import { bytesInWords } from '@/words/size';
import { curveInWords, dayInWords, growthInWords, lineOf, rowsOf } from './growth';

type History = Bucket['history'];

const WIDTH = 600;
const HEIGHT = 120;

/** How the bucket has grown: in words, as a curve, and day by day. */
export function GrowthSection({ history }: { history: History }) {
  return (
    <section aria-labelledby="growth">
      <h2 id="growth">Growth</h2>
      {history.length < 2 ? (
        <p className="muted">It is told once the bucket was scanned on another day.</p>
      ) : (
        <>
          <ul className="growth-words">
            {growthInWords(history).map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
          <Curve history={history} />
          <details>
            <summary>Day by day</summary>
            <Table label="Stored, day by day" columns={DAYS} lines={rowsOf(history)} keyOf={({ day }) => day} />
          </details>
        </>
      )}
    </section>
  );
}

function Curve({ history }: { history: History }) {
  const [first, last] = [history[0], history.at(-1)];
  const line = lineOf(history, WIDTH, HEIGHT);
  return (
    <figure className="growth">
      <span>{bytesInWords(Math.max(...history.map(({ bytes }) => bytes)))}</span>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={curveInWords(history)}>
        <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} className="growth-area" />
        <polyline points={line} className="growth-line" />
      </svg>
      <figcaption className="growth-ends">
        <span>{first && dayInWords(first)}</span>
        <span>{last && dayInWords(last)}</span>
      </figcaption>
    </figure>
  );
}

const DAYS: Column<ReturnType<typeof rowsOf>[number]>[] = [
  { label: 'Day (UTC)', names: true, className: 'figure', cell: ({ day }) => day },
  { label: 'Size', className: 'figure', cell: ({ size }) => size },
  { label: 'Change', className: 'figure', cell: ({ change }) => change },
  { label: 'Objects', className: 'figure', cell: ({ objects }) => objects },
];
