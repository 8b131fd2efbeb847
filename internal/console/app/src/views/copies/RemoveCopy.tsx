import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { removeCopy } from '@/api/actions';
import { failureOf, type ApiError } from '@/api/errors';
import { copiesQuery, inventoryQuery } from '@/api/queries';
import type { Copy } from '@/api/types';
import { Settle } from '@/parts/Command';
import { Dialog } from '@/parts/Dialog';
import { Notice } from '@/parts/Notice';
import { useMessages } from '@/parts/toasts';
import { podsInWords } from '@/words/copy';
import { headlineOf } from '@/words/refusal';

/** Asks before a copy is removed, and says why one is not. */
export function RemoveCopy({ copy, onClose }: { copy: Copy; onClose: () => void }) {
  const client = useQueryClient();
  const messages = useMessages();
  const [whileUsed, setWhileUsed] = useState(false);
  const remove = useMutation({
    mutationFn: () => removeCopy(copy, whileUsed),
    onSuccess: ({ message }) => {
      messages.say({ tone: 'ok', title: `${copy.namespace}/${copy.pvc} was removed`, detail: message });
      onClose();
    },
    onSettled: () => Promise.all([client.invalidateQueries(copiesQuery), client.invalidateQueries(inventoryQuery), client.invalidateQueries({ queryKey: ['restores'] })]),
  });
  const error = remove.error && failureOf(remove.error);
  const pods = copy.used_by ?? [];
  const used = pods.length > 0 || error?.reason === 'in_use';
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Remove ${copy.namespace}/${copy.pvc}?`}
      description={`The claim ${copy.namespace}/${copy.pvc} is deleted, with what was written to it since it was made. The backup that it is a copy of stays.`}
    >
      {copy.state === 'restoring' && <p>Its restore is under way, and is cancelled.</p>}
      {pods.length > 0 && (
        <Notice tone="warn" title={`It is used by ${podsInWords(pods)}`}>
          A claim that is deleted while a pod uses it goes once the pod has ended.
        </Notice>
      )}
      {used && (
        <label className="check">
          <input type="checkbox" checked={whileUsed} onChange={(event) => setWhileUsed(event.target.checked)} />
          Remove it although a pod uses it
        </label>
      )}
      {error && <NotRemoved error={error} />}
      <div className="dialog-actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="danger" disabled={remove.isPending || (used && !whileUsed)} onClick={() => remove.mutate()}>
          {remove.isPending ? 'Removing…' : `Remove ${copy.pvc}`}
        </button>
      </div>
    </Dialog>
  );
}

function NotRemoved({ error }: { error: ApiError }) {
  return (
    <Notice tone={error.unanswered ? 'unknown' : 'bad'} title={error.unanswered ? 'Whether it was removed is not known' : headlineOf(error, 'It was not removed')} urgent>
      <p>{error.message}</p>
      <Settle command={error.settle} />
    </Notice>
  );
}
