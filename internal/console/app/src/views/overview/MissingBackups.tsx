import { useQuery } from '@tanstack/react-query';
import { statusQuery } from '@/api/queries';
import { ClaimLink } from '@/parts/ClaimLink';
import { Settle } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { countInWords, plural } from '@/words/size';

/** How many claims are named here; each claim's page has its own. */
const NAMED = 6;

/** The backups that were seen before and are gone, though Soteria did not remove them. */
export function MissingBackups() {
  const { data } = useQuery(statusQuery);
  const missing = data?.missing ?? [];
  if (missing.length === 0) return null;
  const total = data?.missing_total ?? missing.length;
  const shown = missing.slice(0, NAMED);
  return (
    <Notice tone="bad" title={`${plural(total, 'claim has', 'claims have')} lost the newest backup, which Soteria did not remove`}>
      <p>These claims wait rather than start empty or old, until the backup is back or somebody accepts that it is gone.</p>
      <ul className="remarks">
        {shown.map(({ driver, namespace, pvc, message, settle }) => (
          <li key={`${driver} ${namespace}/${pvc}`}>
            <ClaimLink namespace={namespace} pvc={pvc} />: {message}
            <Settle command={settle} />
          </li>
        ))}
      </ul>
      {total > shown.length && <p>and {countInWords(total - shown.length)} more</p>}
    </Notice>
  );
}
