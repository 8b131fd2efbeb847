import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { NEW_POLICY, formOf, policyRequest, requestOf } from './form';
import { standingsOf, troubled } from './standing';

const kept = golden.policies.policies.slice(0, 2);

describe('the form of a policy', () => {
  test.each(kept.map((policy) => [policy.id, policy] as const))('%s gives the policy back that it was made of', (_, policy) => {
    const again = policyRequest(formOf(policy));
    expect(again).toEqual(requestOf(policy));
    const { id, source, ...rest } = policy;
    expect(again).toEqual(rest);
    expect([id, source].every(Boolean)).toBe(true);
  });

  test('sends one way to say when, and no counts that are empty', () => {
    expect(policyRequest({ ...NEW_POLICY, namespace: ' media ', schedule: '0 2 * * *' })).toEqual({ namespace: 'media', pvc: '', interval_hours: 24, enabled: true });
    expect(policyRequest({ ...NEW_POLICY, namespace: 'media', timing: 'schedule', schedule: ' 0 2 * * * ', keep: { ...NEW_POLICY.keep, daily: '7', last: '0' } })).toEqual({
      namespace: 'media', pvc: '', schedule: '0 2 * * *', enabled: true, keep: { daily: 7 },
    });
  });

  test('sends hours that are no number as they are not, so that the API refuses them', () => {
    expect(policyRequest({ ...NEW_POLICY, namespace: 'media', hours: 'often' }).interval_hours).toBe(0);
  });
});

test('pausing a policy keeps all else of it', () => {
  const [, policy] = kept;
  expect(policy && requestOf(policy, { enabled: false })).toMatchObject({ schedule: '0 2 * * *', driver: 'restic', enabled: false, keep: { last: 3, daily: 7, weekly: 4 } });
});

test('the claims of a policy are summed up, with the first next run', () => {
  expect(standingsOf(golden.policies, { id: '747b33c9d92786dc' })).toEqual({ counts: [{ state: 'scheduled', count: 1 }], next: '2026-03-02T02:00:00Z' });
  expect(standingsOf(golden.policies, { id: 'none' })).toEqual({ counts: [], next: null });
});

test('claims that are not backed up come with the failing ones first', () => {
  expect(troubled(golden.policies).map(({ pvc, state }) => [pvc, state])).toEqual([['data', 'failing'], ['music', 'skipped'], ['broken', 'skipped']]);
});
