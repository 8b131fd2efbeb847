import { expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { bytesToRestore, sectionsOf } from './sections';

test('a plan has what wants a person first, and every claim once', () => {
  const sections = sectionsOf(golden.plan);
  expect(sections.map(({ outcome, claims }) => [outcome, claims.length])).toEqual([
    ['refuse', 1], ['hold', 1], ['unprotected', 1], ['start_empty', 3], ['restore', 3], ['leave_alone', 2],
  ]);
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
