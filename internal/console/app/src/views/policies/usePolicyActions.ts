import { useMutation, useQueryClient } from '@tanstack/react-query';
import { deletePolicy, keepPolicy } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { inventoryQuery, policiesQuery } from '@/api/queries';
import type { Policy } from '@/api/types';
import { useMessages } from '@/parts/toasts';
import { targetInWords } from '@/words/policy';
import { undoneInWords } from '@/words/refusal';
import { requestOf } from './form';

/** Gives what can be done to a policy; each says at once what became of it. */
export function usePolicyActions() {
  const client = useQueryClient();
  const messages = useMessages();
  const refresh = () => Promise.all([client.invalidateQueries(policiesQuery), client.invalidateQueries(inventoryQuery)]);
  const failed = (undone: string, unknown: string) => (cause: unknown) => {
    const error = failureOf(cause);
    messages.say({ tone: 'bad', title: undoneInWords(error, undone, unknown), detail: error.message });
  };

  const restore = useMutation({
    mutationFn: (policy: Policy) => keepPolicy(requestOf(policy)),
    onSuccess: (policy) => messages.say({ tone: 'ok', title: 'The policy is back', detail: targetInWords(policy) }),
    onError: failed('The policy was not brought back', 'Whether the policy is back is not known'),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (policy: Policy) => deletePolicy(policy.id),
    onSuccess: (policy) => messages.say({ tone: 'ok', title: 'The policy was deleted', detail: targetInWords(policy), undo: () => restore.mutate(policy) }),
    onError: failed('The policy was not deleted', 'Whether the policy was deleted is not known'),
    onSettled: refresh,
  });
  const pause = useMutation({
    mutationFn: (policy: Policy) => keepPolicy(requestOf(policy, { enabled: !policy.enabled })),
    onSuccess: (policy) => messages.say({ tone: 'ok', title: policy.enabled ? 'The policy is on' : 'The policy is paused', detail: targetInWords(policy) }),
    onError: failed('The policy was not changed', 'Whether the policy was changed is not known'),
    onSettled: refresh,
  });
  return { remove, pause };
}
