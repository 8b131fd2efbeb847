/**
 * What the API says besides what the generated document had when this was written. All of it is optional where it stands beside
 * what was there before: a Soteria that does not say it leaves it out.
 */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

/** Why something was refused: a headline that names the cause, and a word for programs. */
export interface Cause {
  title?: string;
  reason?: string;
}

/** Which backup is wanted. All that is given must hold together. */
export interface ChoiceRequest {
  as_of?: string;
}

/** What a claim's manifest asks of its restore, and what would act again if the claim were made anew. */
export interface ClaimChoice {
  as_of?: string;
  backup?: string;
  from?: string;
  skip?: string;
  expires?: string | null;
  expired?: boolean;
  spent?: boolean;
  message: string;
  drop: string;
}

export interface NamespaceRestoreExtras {
  orphans?: string[];
  target_missing?: boolean;
  make_target?: string;
}

export type NamespaceRestoreResult = Schemas['NamespaceRestore']['results'][number] & Cause & { taken_at?: string | null; orphan?: boolean; impossible?: boolean };

/** One claim of a batch. */
export interface BatchMember extends Cause {
  pvc: string;
  target_pvc?: string;
  state: 'waiting' | 'refused' | 'started' | 'done' | 'gone';
  restore?: string;
  job_name?: string;
  driver?: string;
  backup?: string;
  phase?: string;
  progress?: Schemas['Restore']['progress'];
  message?: string;
  notes?: string[];
  error?: string;
  settle?: string;
}

/** Work on several claims that goes on in the server, whoever listens. */
export interface Batch {
  id: string;
  kind: 'restore' | 'backup';
  state: 'starting' | 'running' | 'done';
  namespace: string;
  target_namespace?: string;
  requested_by: string;
  created_at: string;
  started_all_at: string | null;
  counts: Record<'members' | 'waiting' | 'refused' | 'started' | 'done' | 'gone', number>;
  warnings?: string[];
  members?: BatchMember[];
}

export interface Batches {
  batches: Batch[];
}

/** A claim that a policy is for. */
export interface PolicyMatch {
  namespace: string;
  pvc: string;
  holds: boolean;
  overridden_by?: string;
  overridden_by_id?: string;
  reason?: string;
  message?: string;
}

/** What keeping a policy would do. */
export interface PolicyPreview {
  policy: Schemas['Policy'];
  replaces: boolean;
  matches: PolicyMatch[];
  holds: number;
  warnings: string[];
  dry_run: boolean;
}
