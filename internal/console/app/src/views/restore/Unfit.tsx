import type { ApiError } from '@/api/errors';
import { Settle } from '@/parts/Command';
import { Notice } from '@/parts/Notice';

const TITLES: Record<string, string> = {
  conflict: 'The target is taken',
  not_found: 'There is nothing to restore',
  invalid: 'This cannot be asked for',
  unprocessable: 'This cannot be done',
  denied: 'You are not allowed to do this',
  unauthenticated: 'You are signed out',
};

/** Why a restore cannot be, in the API's own words. */
export function Unfit({ error }: { error: ApiError }) {
  return (
    <Notice tone={error.passing ? 'unknown' : 'bad'} title={TITLES[error.code] ?? 'It could not be told what would be restored'} urgent>
      <p>{error.message}</p>
      <Settle command={error.settle} />
    </Notice>
  );
}
