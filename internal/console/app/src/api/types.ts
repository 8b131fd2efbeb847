/** The API's words, by the names that the views use. They are generated from the OpenAPI document. */
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type ErrorBody = Schemas['Error'];

export type Inventory = Schemas['Inventory'];
export type InventoryNamespace = Inventory['namespaces'][number];
export type InventoryClaim = InventoryNamespace['pvcs'][number];
/** What a claim's manifest asks of its restore, and what would act again if the claim were made anew. */
export type ClaimChoice = NonNullable<InventoryClaim['choice']>;
export type Orphan = Inventory['orphans'][number];
export type Listing = Inventory['listings'][number];

export type Backups = Schemas['Backups'];
export type Backup = Backups['backups'][number];
export type BackupStarted = Schemas['BackupStarted'];

export type Plan = Schemas['Plan'];
export type PlannedClaim = Plan['claims'][number];

export type Policies = Schemas['Policies'];
export type Policy = Schemas['Policy'];
export type PolicyRequest = Schemas['PolicyRequest'];
export type PolicyPreview = Schemas['PolicyPreview'];
export type PolicyMatch = PolicyPreview['matches'][number];
export type PolicyClaim = Policies['claims'][number];
export type Keep = NonNullable<PolicyRequest['keep']>;

export type Restore = Schemas['Restore'];
export type Restores = Schemas['Restores'];
export type RestoreRequest = Schemas['RestoreRequest'];
export type RestoreStarted = Schemas['RestoreStarted'];
export type RestoreTest = Schemas['RestoreTests']['tests'][number];

/** A claim that was made to look at a backup. The document has no word for a list that is null where it could not be told. */
export type Copy = Omit<Schemas['Copies']['copies'][number], 'used_by'> & { used_by: string[] | null };
export type Copies = Omit<Schemas['Copies'], 'copies'> & { copies: Copy[] };
export type CopyRemoved = Schemas['CopyRemoved'];

export type Events = Schemas['Events'];
export type ClaimEvent = Events['events'][number];

export type Status = Schemas['Status'];
export type Bucket = Schemas['Bucket'];
export type BucketPoint = Bucket['history'][number];
export type WhoAmI = Schemas['WhoAmI'];

export type NamespaceBackup = Schemas['NamespaceBackup'];
export type NamespaceBackupRequest = Schemas['NamespaceBackupRequest'];
export type NamespaceRestore = Schemas['NamespaceRestore'];
export type NamespaceRestoreRequest = Schemas['NamespaceRestoreRequest'];

export type Batch = Schemas['Batch'];
export type BatchMember = NonNullable<Batch['members']>[number];

/** A claim's name and namespace. */
export interface ClaimName {
  namespace: string;
  pvc: string;
}
