import { answer, api, batchAnswer } from './client';
import type { ClaimName, NamespaceBackup, NamespaceBackupRequest, NamespaceRestore, NamespaceRestoreRequest, PolicyRequest, RestoreRequest } from './types';

/** Starts a backup of a claim. */
export function backUp(claim: ClaimName) {
  return answer(api.POST('/v1/backup', { body: claim }));
}

/** Starts a backup of every bound claim of a namespace, or tells what it would start. */
export function backUpNamespace(request: NamespaceBackupRequest): Promise<NamespaceBackup> {
  return batchAnswer(api.POST('/v1/backup/namespace', { body: request }));
}

/** Starts a restore to a new claim, or tells on a dry run what it would start. */
export function restore(request: RestoreRequest) {
  return answer(api.POST('/v1/restores', { body: request }));
}

/** Starts restores of a namespace's claims, or tells on a dry run what it would start. */
export function restoreNamespace(request: NamespaceRestoreRequest): Promise<NamespaceRestore> {
  return batchAnswer(api.POST('/v1/restores/namespace', { body: request }));
}

/** Starts a test of a claim's backup, which leaves nothing. */
export function testRestore(request: ClaimName & { snapshot: string }) {
  return answer(api.POST('/v1/restore-test', { body: request }));
}

/** Keeps a policy, in the place of another of the same target. */
export function keepPolicy(request: PolicyRequest) {
  return answer(api.POST('/v1/policies', { body: request }));
}

/** Deletes a policy that is kept here. */
export function deletePolicy(id: string) {
  return answer(api.DELETE('/v1/policies/{id}', { params: { path: { id } } }));
}
