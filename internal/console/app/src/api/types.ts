/** The API's words, by the names that the views use. They are generated from the OpenAPI document, but for those in wire.ts. */
import type { components } from './schema.gen';
import type { Cause, ChoiceRequest, ClaimChoice, NamespaceRestoreExtras, NamespaceRestoreResult } from './wire';

type Schemas = components['schemas'];

export type { Batch, BatchMember, Batches, ClaimChoice, PolicyMatch, PolicyPreview } from './wire';

export type ErrorBody = Schemas['Error'] & Cause;

export type Inventory = Schemas['Inventory'];
export type InventoryNamespace = Inventory['namespaces'][number];
export type InventoryClaim = InventoryNamespace['pvcs'][number] & { choice?: ClaimChoice | null };
export type Orphan = Inventory['orphans'][number];
export type Listing = Inventory['listings'][number];

export type Backups = Schemas['Backups'];
export type Backup = Backups['backups'][number];
export type BackupStarted = Schemas['BackupStarted'];

export type Plan = Schemas['Plan'];
export type PlannedClaim = Plan['claims'][number] & { choice?: ClaimChoice | null; impossible?: boolean };

export type Policies = Schemas['Policies'];
export type Policy = Schemas['Policy'];
export type PolicyRequest = Schemas['PolicyRequest'];
export type PolicyClaim = Policies['claims'][number];
export type Keep = NonNullable<PolicyRequest['keep']>;

export type Restore = Schemas['Restore'];
export type Restores = Schemas['Restores'];
export type RestoreRequest = Schemas['RestoreRequest'] & ChoiceRequest;
export type RestoreStarted = Schemas['RestoreStarted'];
export type RestoreTest = Schemas['RestoreTests']['tests'][number];

export type Events = Schemas['Events'];
export type ClaimEvent = Events['events'][number];

export type Status = Schemas['Status'];
export type Bucket = Schemas['Bucket'];
export type BucketPoint = Bucket['history'][number];
export type WhoAmI = Schemas['WhoAmI'];

export type NamespaceBackup = Schemas['NamespaceBackup'];
export type NamespaceBackupRequest = Schemas['NamespaceBackupRequest'];
export type NamespaceRestore = Omit<Schemas['NamespaceRestore'], 'results'> & Cause & NamespaceRestoreExtras & { results: NamespaceRestoreResult[] };
export type NamespaceRestoreRequest = Schemas['NamespaceRestoreRequest'] & ChoiceRequest & { create_namespace?: boolean; claims?: { pvc: string; snapshot?: string; target_pvc?: string }[] };

/** A claim's name and namespace. */
export interface ClaimName {
  namespace: string;
  pvc: string;
}
