import { expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { bytesToRestore, sectionsOf, tallyOf } from './sections';

test('a plan has what wants a person first, and every claim once', () => {
  const sections = sectionsOf(golden.plan);
  expect(sections.map(({ outcome, wording, claims }) => [outcome, wording.label, claims.length])).toEqual([
    ['refuse', 'Refused', 1],
    ['hold', 'Held: no backup exists', 1],
    ['unprotected', 'Unprotected', 1],
    ['start_empty', 'Start empty, as asked', 1],
    ['start_empty', 'Start empty: no backup exists', 2],
    ['restore', 'Come back', 3],
    ['leave_alone', 'Left alone', 2],
  ]);
});

test('a plan is counted by cause, and every claim once', () => {
  expect(tallyOf(golden.plan).map(({ wording, count }) => [wording.label, count])).toEqual([
    ['Refused', 1], ['Held: no backup exists', 1], ['Unprotected', 1], ['Start empty, as asked', 1], ['Start empty: no backup exists', 2], ['Come back', 3], ['Left alone', 2],
  ]);
  expect(tallyOf(golden.planEmpty).map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('an outcome that the console does not know is taken for a hold, not for a restore', () => {
  const [claim] = golden.plan.claims;
  const plan = { ...golden.plan, claims: claim ? [{ ...claim, outcome: 'enchanted' }] : [] };
  expect(sectionsOf(plan).map(({ outcome }) => outcome)).toEqual(['hold']);
});

test('what would come back is summed up, without taking an unknown size for none', () => {
  const claims = golden.plan.claims.map((claim) => (claim.pvc === 'db' && claim.backup ? { ...claim, backup: { ...claim.backup, size_bytes: null } } : claim));
  expect(bytesToRestore(golden.plan)).toEqual({ bytes: 3 * 4096, unknown: 0 });
  expect(bytesToRestore({ ...golden.plan, claims })).toEqual({ bytes: 2 * 4096, unknown: 1 });
});

test('claims are held for causes that want different things of a person, and one that is not known is doubt', () => {
  const [claim] = golden.plan.claims;
  const held = (pvc: string, reason: string) => ({ ...claim, pvc, outcome: 'hold', reason }) as (typeof golden.plan.claims)[number];
  const sections = sectionsOf({ ...golden.plan, claims: [held('a', 'BackupsUnknown'), held('b', 'RequiredBackupMissing'), held('c', 'SelectedBackupNotFound'), held('d', 'Enchanted')] });
  expect(sections.map(({ wording, claims }) => [wording.label, claims.map(({ pvc }) => pvc)])).toEqual([
    ['Held: no backup exists', ['b']],
    ['Held: the backup they ask for does not exist', ['c']],
    ['Held: it cannot be told', ['a', 'd']],
  ]);
  expect(new Set(sections.map(({ id }) => id)).size).toBe(3);
});
