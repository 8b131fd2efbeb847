import type { Bucket } from '@/api/types';
import { bytesInWords, countInWords } from '@/words/size';

/** The largest prefixes, with a bar for each one's share of all that is stored. */
export function Prefixes({ bucket }: { bucket: Bucket }) {
  return (
    <section aria-labelledby="prefixes">
      <h2 id="prefixes">Largest prefixes</h2>
      {bucket.largest_prefixes.length === 0 ? (
        <p className="muted">The last scan names none.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label="Largest prefixes">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Prefix</th>
                <th scope="col">Share</th>
                <th scope="col">Size</th>
                <th scope="col">Objects</th>
              </tr>
            </thead>
            <tbody>
              {bucket.largest_prefixes.map(({ prefix, objects, bytes }) => (
                <tr key={prefix}>
                  <th scope="row" className="mono">
                    {prefix}
                  </th>
                  <td>
                    <Share share={bucket.bytes > 0 ? bytes / bucket.bytes : 0} />
                  </td>
                  <td className="figure">{bytesInWords(bytes)}</td>
                  <td className="figure">{countInWords(objects)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Share({ share }: { share: number }) {
  const percent = Math.round(share * 100);
  return (
    <span className="share">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect width={100} height={8} className="share-all" />
        <rect width={Math.max(0.5, share * 100)} height={8} className="share-part" />
      </svg>
      <span className="figure">{percent} %</span>
    </span>
  );
}
