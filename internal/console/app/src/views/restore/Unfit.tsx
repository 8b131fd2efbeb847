import type { ApiError } from '@/api/errors';
import { Settle } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { headlineOf } from '@/words/refusal';

/** Why a restore cannot be, in the API's own words. */
export function Unfit({ error }: { error: ApiError }) {
  return (
    <Notice tone={error.passing ? 'unknown' : 'bad'} title={headlineOf(error, 'It could not be told what would be restored')} urgent>
      <p>{error.message}</p>
      <Settle command={error.settle} />
    </Notice>
  );
}
