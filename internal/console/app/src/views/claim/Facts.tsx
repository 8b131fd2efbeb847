import { Link } from '@tanstack/react-router';
import type { InventoryClaim, PolicyClaim } from '@/api/types';
import { Moment } from '@/parts/Age';
import { State } from '@/parts/State';
import { protectionInWords } from '@/words/health';
import { keepInWords, sourceInWords, standingInWords } from '@/words/policy';
import { plural } from '@/words/size';

/** What is known of a claim. */
export function Facts({ entry, standing }: { entry: InventoryClaim; standing: PolicyClaim | undefined }) {
  return (
    <dl className="facts panel">
      <div>
        <dt>Newest backup</dt>
        <dd>{entry.last_backup_at ? <Moment time={entry.last_backup_at} /> : 'none'}</dd>
      </div>
      <div>
        <dt>Backups</dt>
        <dd>{backupsInWords(entry)}</dd>
      </div>
      <div>
        <dt>Protection</dt>
        <dd>
          {entry.protection}: {protectionInWords(entry.protection)}
        </dd>
      </div>
      <div>
        <dt>Policy</dt>
        <dd>
          <PolicyOf entry={entry} standing={standing} />
        </dd>
      </div>
      <div>
        <dt>Next run</dt>
        <dd>{entry.next_run ? <Moment time={entry.next_run} due /> : 'none'}</dd>
      </div>
      <div>
        <dt>Verdict</dt>
        <dd>{entry.verdict ?? 'none'}</dd>
      </div>
      <div>
        <dt>Volume</dt>
        <dd className="mono">{entry.volume || 'not bound'}</dd>
      </div>
      <div>
        <dt>Storage</dt>
        <dd>
          {entry.capacity} of class {entry.storage_class || 'none'}
        </dd>
      </div>
    </dl>
  );
}

function backupsInWords(entry: InventoryClaim): string {
  if (entry.by_driver.length === 0) return 'none';
  return entry.by_driver.map(({ driver, backup_count }) => `${plural(backup_count, 'backup')} by ${driver}`).join(', ');
}

function PolicyOf({ entry, standing }: { entry: InventoryClaim; standing: PolicyClaim | undefined }) {
  if (!entry.policy && !standing) {
    return (
      <>
        none: it is backed up only when somebody asks. <Link to="/policies">Make one</Link>
      </>
    );
  }
  const source = entry.policy_source ?? standing?.source;
  return (
    <>
      <Link to="/policies">{source ? sourceInWords(source) : 'its policy'}</Link>
      {standing && (
        <>
          ; keeps {keepInWords(standing.keep)} <State wording={standingInWords(standing)} /> {standing.message}
        </>
      )}
    </>
  );
}
