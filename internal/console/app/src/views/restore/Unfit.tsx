import type { ApiError } from '@/api/errors';
import { Settle } from '@/parts/Command';
import { Notice } from '@/parts/Notice';

const TITLES: Record<string, string> = {
  conflict: 'The target is taken',
  not_found: 'There is nothing to restore',
  invalid: 'This cannot be asked for',
  unprocessable: 'This cannot be done',
  unauthenticated: 'You are signed out',
};

/** The cause by the field at fault, where the API names none. */
const CAUSES: Record<string, string> = {
  'not_found target_namespace': 'The target namespace does not exist',
  'not_found storage_class': 'There is no such storage class',
  'not_found snapshot': 'There is no such backup',
  'not_found as_of': 'No backup is that old',
  'denied target_namespace': 'A setting of Soteria forbids this',
};

function titleOf({ title, code, field, status }: ApiError): string {
  if (title) return title;
  return CAUSES[`${code} ${field}`] ?? TITLES[code] ?? (status === 403 ? 'This is not allowed' : 'It could not be told what would be restored');
}

/** Why a restore cannot be, in the API's own words. */
export function Unfit({ error }: { error: ApiError }) {
  return (
    <Notice tone={error.passing ? 'unknown' : 'bad'} title={titleOf(error)} urgent>
      <p>{error.message}</p>
      <Settle command={error.settle} />
    </Notice>
  );
}
