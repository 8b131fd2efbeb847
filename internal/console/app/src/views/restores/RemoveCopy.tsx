import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { removeCopy } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { copiesQuery, inventoryQuery } from '@/api/queries';
import type { Copy } from '@/api/types';
import { Confirm } from '@/parts/Dialog';
import { useMessages } from '@/parts/toasts';

/** Removes a copy that was made to look at a backup, after a question: what was written to it is in no backup. */
export function RemoveCopy({ copy }: { copy: Copy }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const messages = useMessages();
  const name = `${copy.namespace}/${copy.pvc}`;
  const remove = useMutation({
    mutationFn: () => removeCopy(copy),
    onSuccess: () => messages.say({ tone: 'ok', title: 'The copy is being removed', detail: name }),
    onError: (cause) => messages.say({ tone: 'bad', title: 'The copy was not removed', detail: failureOf(cause).message }),
    onSettled: () => Promise.all([client.invalidateQueries(copiesQuery), client.invalidateQueries(inventoryQuery)]),
  });
  return (
    <>
      <button type="button" aria-label={`Remove the copy ${name}…`} disabled={remove.isPending} onClick={() => setAsking(true)}>
        {remove.isPending ? 'Removing…' : 'Remove…'}
      </button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={`Remove the copy ${name}?`}
        description={`Its volume goes with it, and what was written to it since is in no backup. ${copy.from} and its backups stay as they are.`}
        verb="Remove the copy"
        onConfirm={() => {
          remove.mutate();
          setAsking(false);
        }}
      />
    </>
  );
}
