import { answer, api, batchAnswer, begun, type Begun } from './client';
import type { BackupStarted, ClaimName, Copy, CopyRemoved, Policy, PolicyPreview, NamespaceBackup, NamespaceBackupRequest, NamespaceRestore, NamespaceRestoreRequest, PolicyRequest, RestoreRequest, RestoreStarted } from './types';

/** Starts a backup of a claim. */
export function backUp({ namespace, pvc }: ClaimName): Promise<BackupStarted> {
  return answer(api.POST('/v1/backup', { body: { namespace, pvc } })) as Promise<BackupStarted>; // a batch is answered only to who prefers one
}

/** Has work go on in the server when the caller leaves. */
const GOES_ON = { headers: { Prefer: 'respond-async' } };

/** How many characters a request may have that is to arrive though its page is left: browsers send 64 KiB of them at a time, and none that is larger. */
const KEPT_ALIVE = 48_000;

/** Has a request that was sent arrive though its page is left, unless it is too large for that. */
function sent<T extends object>(body: T): { body: T; keepalive: boolean } {
  return { body, keepalive: JSON.stringify(body).length <= KEPT_ALIVE };
}

/** Tells which backups of a namespace's bound claims would be started. */
export function planNamespaceBackup(request: NamespaceBackupRequest): Promise<NamespaceBackup> {
  return batchAnswer(api.POST('/v1/backup/namespace', { body: { ...request, dry_run: true } }));
}

/** Starts a backup of every bound claim of a namespace. */
export function backUpNamespace(request: NamespaceBackupRequest): Promise<Begun<NamespaceBackup>> {
  return begun(api.POST('/v1/backup/namespace', { ...sent(request), ...GOES_ON }));
}

/** Starts a restore to a new claim, or tells on a dry run what it would start. */
export function restore(request: RestoreRequest): Promise<RestoreStarted> {
  return answer(api.POST('/v1/restores', sent(request))) as Promise<RestoreStarted>; // as above
}

/** Removes the claim that was made to look at a backup and was shown, and none that has its name since. One that a pod uses is removed only where that is said. */
export function removeCopy({ namespace, pvc, uid }: Pick<Copy, 'namespace' | 'pvc' | 'uid'>, whileUsed: boolean): Promise<CopyRemoved> {
  return answer(api.DELETE('/v1/copies/{namespace}/{pvc}', { params: { path: { namespace, pvc }, query: { uid, ...(whileUsed && { while_used: 'true' }) } } }));
}

/** Tells which restores of a namespace's claims would be started. */
export function planNamespaceRestore(request: NamespaceRestoreRequest): Promise<NamespaceRestore> {
  return batchAnswer(api.POST('/v1/restores/namespace', { body: { ...request, dry_run: true } }));
}

/** Starts restores of a namespace's claims. */
export function restoreNamespace(request: NamespaceRestoreRequest): Promise<Begun<NamespaceRestore>> {
  return begun(api.POST('/v1/restores/namespace', { ...sent(request), ...GOES_ON }));
}

/** Tells which claims a policy would hold for. */
export async function previewPolicy(request: PolicyRequest, signal: AbortSignal): Promise<PolicyPreview> {
  return (await answer(api.POST('/v1/policies', { body: { ...request, dry_run: true }, signal }))) as PolicyPreview;
}

/** Starts a test of a claim's backup, which leaves nothing. */
export function testRestore({ namespace, pvc }: ClaimName, snapshot: string) {
  return answer(api.POST('/v1/restore-test', { body: { namespace, pvc, snapshot } }));
}

/** Keeps a policy, in the place of another of the same target. */
export async function keepPolicy(request: PolicyRequest): Promise<Policy> {
  return (await answer(api.POST('/v1/policies', { body: request }))) as Policy;
}

/** Deletes a policy that is kept here. */
export function deletePolicy(id: string) {
  return answer(api.DELETE('/v1/policies/{id}', { params: { path: { id } } }));
}
