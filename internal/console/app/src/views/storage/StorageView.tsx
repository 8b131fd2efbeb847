import { useQuery } from '@tanstack/react-query';
import { failureOf } from '@/api/errors';
import { bucketQuery } from '@/api/queries';
import type { Bucket } from '@/api/types';
import { Age, Moment } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Empty } from '@/parts/Empty';
import { Notice } from '@/parts/Notice';
import { Page } from '@/parts/Page';
import { durationInWords } from '@/words/age';
import { bytesInWords, countInWords, moneyInWords } from '@/words/size';
import { GrowthSection } from './GrowthSection';
import { Prefixes } from './Prefixes';

/** What the backup bucket holds and costs, as of the last scan. */
export function StorageView() {
  const bucket = useQuery(bucketQuery);
  const failure = bucket.error && !bucket.data ? failureOf(bucket.error) : null;
  return (
    <Page title="Storage" aside={bucket.data && <>As of the scan of <Age time={bucket.data.scanned_at} /></>}>
      {failure?.reason === 'setting' ? (
        <Empty title="No bucket is scanned">{failure.message}</Empty>
      ) : (
        <Answer query={bucket} what="what the bucket holds">
          {(data) => <Contents bucket={data} />}
        </Answer>
      )}
    </Page>
  );
}

function Contents({ bucket }: { bucket: Bucket }) {
  return (
    <>
      {bucket.error && (
        <Notice tone="warn" title="The last scan failed">
          {bucket.error}
        </Notice>
      )}
      {bucket.stale && !bucket.error && (
        <Notice tone="warn" title="These figures are old">
          The bucket was last scanned <Age time={bucket.scanned_at} />.
        </Notice>
      )}
      <ul className="tally">
        <Figure value={bytesInWords(bucket.bytes)} label="stored" />
        <Figure value={countInWords(bucket.objects)} label="objects" />
        <Figure value={moneyInWords(bucket.monthly_cost_estimate, bucket.currency)} label="a month, estimated" />
      </ul>
      <p className="muted">The estimate is what is stored at the price that was set. Requests, traffic and unfinished uploads are not in it.</p>
      <GrowthSection history={bucket.history} />
      <Prefixes bucket={bucket} />
      <Facts bucket={bucket} />
    </>
  );
}

function Figure({ value, label }: { value: string; label: string }) {
  return (
    <li>
      <span className="tally-count">{value}</span>
      <span>{label}</span>
    </li>
  );
}

function Facts({ bucket }: { bucket: Bucket }) {
  const known = (value: number | null, words: (value: number) => string) => (value === null ? 'not told by this store' : words(value));
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">The bucket</h2>
      <dl className="facts">
        <div>
          <dt>Bucket</dt>
          <dd className="mono">{bucket.bucket}</dd>
        </div>
        <div>
          <dt>Endpoint</dt>
          <dd className="mono">{bucket.endpoint}</dd>
        </div>
        <div>
          <dt>Prefix</dt>
          <dd className="mono">{bucket.prefix || 'the whole bucket'}</dd>
        </div>
        <div>
          <dt>Versions</dt>
          <dd>{known(bucket.versions, countInWords)}</dd>
        </div>
        <div>
          <dt>Taken by older versions</dt>
          <dd>{known(bucket.noncurrent_bytes, bytesInWords)}</dd>
        </div>
        <div>
          <dt>Delete markers</dt>
          <dd>{known(bucket.delete_markers, countInWords)}</dd>
        </div>
        <div>
          <dt>Scanned</dt>
          <dd>
            <Moment time={bucket.scanned_at} />, in {durationInWords(bucket.scan_seconds * 1000)}
          </dd>
        </div>
      </dl>
    </section>
  );
}
