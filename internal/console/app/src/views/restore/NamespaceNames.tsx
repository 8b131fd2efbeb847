import type { ApiError } from '@/api/errors';
import { TextField, errorAt } from '@/parts/TextField';
import { NAMESPACE_LABELS } from './labels';
import type { WishProps } from './wishProps';

/** What a part of the form needs: the wish, and why it cannot be fulfilled. */
export interface PartProps extends WishProps {
  failure: ApiError | null;
}

/** Names the namespace that is restored from. A backup that was chosen is of no claim of another one. */
export function SourceNamespace({ draft, change, failure }: PartProps) {
  return (
    <TextField
      label={NAMESPACE_LABELS.namespace}
      value={draft.namespace ?? ''}
      onChange={(namespace) => change({ namespace: namespace || undefined, snapshot: undefined })}
      list="namespaces"
      autoComplete="off"
      required
      error={errorAt(failure, 'namespace')}
    />
  );
}

/** Names the namespace that is restored to. */
export function TargetNamespace({ draft, change, failure, hint }: PartProps & { hint: string }) {
  return (
    <TextField
      label={NAMESPACE_LABELS.target_namespace}
      value={draft.to ?? ''}
      onChange={(to) => change({ to: to || undefined })}
      placeholder={draft.namespace}
      list="namespaces"
      autoComplete="off"
      hint={hint}
      error={errorAt(failure, 'target_namespace')}
    />
  );
}
