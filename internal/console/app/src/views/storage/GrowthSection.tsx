import type { Bucket } from '@/api/types';
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
            <Days history={history} />
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

function Days({ history }: { history: History }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Stored, day by day">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Day (UTC)</th>
            <th scope="col">Size</th>
            <th scope="col">Change</th>
            <th scope="col">Objects</th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(history).map(({ day, size, change, objects }) => (
            <tr key={day}>
              <th scope="row" className="figure">
                {day}
              </th>
              <td className="figure">{size}</td>
              <td className="figure">{change}</td>
              <td className="figure">{objects}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
