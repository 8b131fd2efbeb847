import type { NamespaceRestore } from '@/api/types';
import { inLabels } from '@/words/labels';

const BOTH = { namespace: 'Namespace', as_of: 'As of', target_namespace: 'Target namespace' } as const;

/** What the fields of a claim's restore are called, by their names in the API. */
export const CLAIM_LABELS = { ...BOTH, pvc: 'Claim', snapshot: 'Backup', target_pvc: 'Name of the new claim', storage_class: 'Storage class', size: 'Size', expires: 'Remove it by itself after' } as const;

const PREFIX = 'Prefix of the new names';

/** What the fields of a namespace's restore are called. It names no single new claim: what a name is at fault for, its prefix mends. */
export const NAMESPACE_LABELS = {
  ...BOTH,
  target_prefix: PREFIX,
  target_pvc: PREFIX,
  include_orphans: 'Also claims that exist only as backups',
  create_namespace: 'Have Soteria make the namespace',
} as const;

/** Puts what a namespace's plan finds fault with in the words of its form. */
export function planInForm(plan: NamespaceRestore): NamespaceRestore {
  const worded = <T extends { error?: string }>(of: T): T => (of.error === undefined ? of : { ...of, error: inLabels(of.error, NAMESPACE_LABELS) });
  return { ...worded(plan), results: plan.results.map(worded) };
}
