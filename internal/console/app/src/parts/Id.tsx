import { shortId } from '@/words/id';
import { useCopy } from './useCopy';

/** The id of a backup: short, whole on hover and for those who listen, and copied at a click. */
export function Id({ id }: { id: string }) {
  const [copied, copy] = useCopy(id);
  const short = shortId(id);
  if (short === id) return <span className="mono">{id}</span>;
  return (
    <span className="id">
      <span className="mono" title={id}>
        {short}
      </span>
      <button type="button" className="quiet copy no-print" onClick={copy} aria-label={`Copy the id ${id}`} title={`Copy ${id}`}>
        {copied === 'yes' ? 'Copied' : 'Copy'}
      </button>
      <span role="status" className={copied === 'failed' ? 'field-error' : 'sr-only'}>
        {copied === 'yes' && 'The id was copied.'}
        {copied === 'failed' && `This browser does not copy here: ${id}`}
      </span>
    </span>
  );
}
