import { useQuery } from '@tanstack/react-query';
import { copiesQuery } from '@/api/queries';
import type { ClaimName } from '@/api/types';
import { Age, Due } from '@/parts/Age';
import { Notice } from '@/parts/Notice';
import { RemoveCopy } from './RemoveCopy';

/** Says of a claim that it is a copy which was made to look at a backup, and removes it. */
export function CopyNotice({ claim }: { claim: ClaimName }) {
  const { data } = useQuery(copiesQuery);
  const copy = data?.copies.find(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc);
  if (!copy) return null;
  return (
    <Notice tone="idle" title={`This is a copy of ${copy.from}, made to look at`} action={<RemoveCopy copy={copy} />}>
      {copy.requested_by} had it made <Age time={copy.created_at} />. It is not backed up, and not counted.{' '}
      {copy.expires ? (
        <>
          It is removed by itself <Due time={copy.expires} />.
        </>
      ) : (
        'It stays until somebody removes it.'
      )}
    </Notice>
  );
}
