import { partsOf, shortId } from '@/words/id';

/** What the API tells, in its own words: of a long id its beginning, and the whole on hover. */
export function Told({ text }: { text: string }) {
  return partsOf(text).map((part, at) =>
    // What is between ids is at even places.
    at % 2 === 0 ? (
      part
    ) : (
      <span key={at} className="mono" title={part}>
        {shortId(part)}
      </span>
    ),
  );
}
