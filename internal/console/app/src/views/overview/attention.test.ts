import { describe, expect, test } from 'vitest';
import type { Inventory } from '@/api/types';
import { golden } from '@/testing/golden';
import { concernsOf } from './attention';

const brief = (inventory: Inventory, policies = undefined as typeof golden.policies | undefined) => concernsOf(inventory, policies).map(({ id, claims }) => [id, claims.map(({ pvc }) => pvc)]);

describe('what needs a person', () => {
  test('comes the most pressing first, each claim for every reason that it gives', () => {
    expect(brief(golden.inventory)).toEqual([
      ['held', ['queue']],
      ['none', ['bad', 'music', 'scratch', 'static']],
      ['misdeclared', ['bad']],
      ['stale', ['photos']],
      ['unprotected', ['scratch']],
    ]);
  });

  test('says of failed backups what the policies say', () => {
    const failing = concernsOf(golden.inventory, golden.policies).find(({ id }) => id === 'failing');
    expect(failing).toMatchObject({ claims: [{ namespace: 'web', pvc: 'data', reason: 'Job web/backup-1 failed' }] });
  });

  test('never says of claims that nobody could look up that they have no backup', () => {
    const concerns = brief(golden.inventoryLookupFailed);
    expect(concerns).toContainEqual(['unknown', expect.arrayContaining(['music', 'photos'])]);
    expect(concerns.map(([id]) => id)).not.toContain('none');
  });

  test('has held claims first, with the reason in the API’s words', () => {
    const [namespace] = golden.inventory.namespaces;
    if (!namespace) throw new Error('the golden inventory is empty');
    const held = { ...golden.inventory, namespaces: [{ ...namespace, pvcs: namespace.pvcs.map((claim) => ({ ...claim, health_reason: 'held', health_message: 'no backup found' })) }] };
    expect(concernsOf(held, golden.policies)[0]).toMatchObject({ id: 'held', claims: [{ reason: 'no backup found' }] });
  });

  test('has no claim whose backups are being looked for while nothing is wrong', () => {
    const checked = { ...golden.inventory, namespaces: golden.inventory.namespaces.map((namespace) => ({ ...namespace, pvcs: namespace.pvcs.map((claim) => (claim.health_reason === 'held' ? { ...claim, hold_reason: 'CheckingForBackups' } : claim)) })) };
    expect(brief(checked).map(([id]) => id)).not.toContain('held');
  });

  test('has claims that would start empty again only where backups of them exist', () => {
    const withBackups = (backup_count: number) => ({ ...golden.inventory, namespaces: golden.inventory.namespaces.map((namespace) => ({ ...namespace, pvcs: namespace.pvcs.map((claim) => (claim.choice?.skip ? { ...claim, backup_count } : claim)) })) });
    expect(brief(withBackups(3))).toContainEqual(['startsEmpty', ['thumbnails']]);
    expect(brief(withBackups(0)).map(([id]) => id)).not.toContain('startsEmpty');
    expect(brief(withBackups(3)).map(([id]) => id)).not.toContain('turnsBack');
  });

  test('is nothing in an empty cluster', () => {
    expect(brief(golden.inventoryEmpty)).toEqual([]);
  });
});
