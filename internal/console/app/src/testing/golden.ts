/** The API's golden answers, which its own tests compare it with. */
import type { Backups, Bucket, Copies, CopyRemoved, ErrorBody, Inventory, Plan, Policies, Restore, Restores, RestoreStarted } from '@/api/types';
import type { Events, NamespaceBackup, NamespaceRestore, Status } from '@/api/types';
import backups from '@golden/backups.json';
import backupsAssorted from '@golden/backups_assorted.json';
import backupsGone from '@golden/backups_gone.json';
import backupsMissing from '@golden/backups_missing.json';
import bucket from '@golden/bucket.json';
import events from '@golden/events.json';
import status from '@golden/status.json';
import statusDoubts from '@golden/status_doubts.json';
import bucketDisabled from '@golden/bucket_disabled.json';
import bucketStale from '@golden/bucket_stale.json';
import inventory from '@golden/inventory_assorted.json';
import inventoryEmpty from '@golden/inventory_empty.json';
import inventoryLookupFailed from '@golden/inventory_lookup_failed.json';
import namespaceBackup from '@golden/namespace_backup.json';
import namespaceRestore from '@golden/namespace_restore.json';
import namespaceRestoreConflict from '@golden/namespace_restore_conflict.json';
import namespaceRestoreDryRun from '@golden/namespace_restore_dry_run.json';
import plan from '@golden/plan_assorted.json';
import planEmpty from '@golden/plan_empty.json';
import copies from '@golden/copies.json';
import copyRefused from '@golden/copy_refused.json';
import copyRemoved from '@golden/copy_removed.json';
import policies from '@golden/policies.json';
import policyInvalid from '@golden/policy_invalid.json';
import restoreConflict from '@golden/restore_conflict.json';
import restoreDryRun from '@golden/restore_dry_run.json';
import restore from '@golden/restore.json';
import restores from '@golden/restores.json';
import restoreStarted from '@golden/restore_started.json';
import restoreTests from '@golden/restore_tests.json';
import unavailable from '@golden/inventory_unavailable.json';
import whoami from '@golden/whoami.json';

export const golden = {
  backups: backups as Backups,
  backupsAssorted: backupsAssorted as Backups,
  backupsGone: backupsGone as ErrorBody,
  backupsMissing: backupsMissing as Backups,
  bucket: bucket as Bucket,
  bucketDisabled: bucketDisabled as ErrorBody,
  bucketStale: bucketStale as Bucket,
  events: events as Events,
  status: status as Status,
  statusDoubts: statusDoubts as Status,
  inventory: inventory as Inventory,
  inventoryEmpty: inventoryEmpty as Inventory,
  inventoryLookupFailed: inventoryLookupFailed as Inventory,
  namespaceBackup: namespaceBackup as NamespaceBackup,
  namespaceRestore: namespaceRestore as NamespaceRestore,
  namespaceRestoreConflict: namespaceRestoreConflict as NamespaceRestore,
  namespaceRestoreDryRun: namespaceRestoreDryRun as NamespaceRestore,
  plan: plan as Plan,
  planEmpty: planEmpty as Plan,
  copies: copies as Copies,
  copyRefused: copyRefused as ErrorBody,
  copyRemoved: copyRemoved as CopyRemoved,
  policies: policies as Policies,
  policyInvalid: policyInvalid as ErrorBody,
  restoreConflict: restoreConflict as ErrorBody,
  restoreDryRun: restoreDryRun as RestoreStarted,
  restore: restore as Restore,
  restores: restores as Restores,
  restoreStarted: restoreStarted as RestoreStarted,
  restoreTests,
  unavailable: unavailable as ErrorBody,
  whoami: whoami,
};
