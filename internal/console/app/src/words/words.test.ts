import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { countGroups, groupOf, healthInWords } from './health';
import { isOutcome } from './outcome';
import { isHeld, isMoving, phaseInWords, standingOf, stepOf } from './phase';
import { isKeptHere, keepInWords, sourceInWords, standingInWords, targetInWords, timingInWords } from './policy';
import { isOld, listingTrouble, maxAges } from './vintage';

const now = new Date('2026-04-12T15:30:00Z');
const claims = golden.inventory.namespaces.flatMap(({ pvcs }) => pvcs);

describe('health', () => {
  test('has words for every reason that the API gives', () => {
    expect(claims.map((claim) => healthInWords(claim).meaning)).not.toContain('This console does not know the word.');
  });

  test('shows a reason that the console does not know as it is', () => {
    expect(healthInWords({ health_reason: 'enchanted' })).toMatchObject({ label: 'enchanted', tone: 'unknown' });
    expect(groupOf({ health_reason: 'enchanted' })).toBe('other');
  });

  test('has a claim whose backups are being looked for neither held nor counted as such', () => {
    const held = { health_reason: 'held', hold_reason: 'BackupsUnknown' };
    const checked = { health_reason: 'held', hold_reason: 'CheckingForBackups' };
    expect([healthInWords(held).label, groupOf(held)]).toEqual(['Held', 'held']);
    expect([healthInWords(checked).label, groupOf(checked)]).toEqual(['Checking for backups', 'other']);
    expect(healthInWords({ health_reason: 'held' }).label).toBe('Held');
  });

  test('counts every claim once', () => {
    const counts = countGroups(claims);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(claims.length);
    expect(counts).toMatchObject({ fresh: 1, stale: 1, restoring: 1 });
  });

  test('never takes could-not-tell for none', () => {
    expect(groupOf({ health_reason: 'lookup_failed' })).toBe('unknown');
    expect(groupOf({ health_reason: 'no_backups' })).toBe('none');
  });
});

test('the plan’s outcomes are known', () => {
  expect(golden.plan.claims.map(({ outcome }) => outcome).every(isOutcome)).toBe(true);
});

describe('a phase', () => {
  test('warns while a failed attempt waits to be tried again', () => {
    expect(phaseInWords({ phase: 'Preparing', retry_at: '2026-03-01T12:00:00Z' }).tone).toBe('warn');
    expect(phaseInWords({ phase: 'HandingOver', retry_at: null })).toMatchObject({ label: 'Handing over', tone: 'busy' });
  });

  test('that the console does not know has no place among the steps', () => {
    expect(stepOf('Dreaming')).toBe(-1);
    expect(phaseInWords({ phase: 'Dreaming', retry_at: null }).label).toBe('Dreaming');
  });
});

describe('a restore', () => {
  const [waiting] = golden.restores.restores.filter(({ pvc }) => pvc === 'cache');
  const because = (reason: string) => ({ ...golden.restore, ...waiting, phase: 'Selecting', conditions: [{ type: 'Selected', met: false, reason, message: 'timed out', since: '2026-04-12T15:29:30Z' }] });
  const looking = because('BackupsUnknown');

  test('whose look takes its usual time checks, and is neither held nor on its way', () => {
    const checking = because('CheckingForBackups');
    expect(standingOf(checking)).toMatchObject({ label: 'Checking for backups', tone: 'busy' });
    expect([isHeld(checking), isMoving(checking)]).toEqual([false, false]);
  });

  test('that may not go on for another reason is held from the first moment', () => {
    const young = { ...looking, created_at: '2026-04-12T15:29:59Z' };
    expect(standingOf(young)).toMatchObject({ label: 'Held', tone: 'bad' });
    expect([isHeld(young), isMoving(young)]).toEqual([true, false]);
  });

  test('that has its backup, or was not looked at yet, is not held', () => {
    expect(isHeld({ ...looking, backup: golden.restore.backup })).toBe(false);
    expect(isHeld({ ...looking, conditions: [] })).toBe(false);
    expect(isHeld({ ...looking, phase: 'Transferring' })).toBe(false);
    expect(standingOf({ ...looking, conditions: [] }).label).toBe('Selecting');
  });
});

describe('a policy', () => {
  const [ofNamespace, ofClaim, declared] = golden.policies.policies;

  test('says what it is for, when, what it keeps and who says so', () => {
    expect(ofNamespace && [targetInWords(ofNamespace), timingInWords(ofNamespace, now), keepInWords(ofNamespace.keep), isKeptHere(ofNamespace)]).toEqual(['every claim of media', 'Every 6 hours', 'all', true]);
    expect(ofClaim && [targetInWords(ofClaim), timingInWords(ofClaim, now), keepInWords(ofClaim.keep)]).toEqual(['media/photos', 'At 02:00, every day, UTC', 'last 3, 7 daily, 4 weekly']);
    expect(declared && [sourceInWords(declared.source), isKeptHere(declared)]).toEqual(['the claim’s label', false]);
  });

  test('says so where it wants no backups, and repeats a schedule that the console cannot read', () => {
    expect(timingInWords({ schedule: 'none' }, now)).toBe('Never, as declared');
    expect(timingInWords({ schedule: '@solstice' }, now)).toBe('@solstice');
    expect(timingInWords({}, now)).toBe('No time given');
  });

  test('has words for every state of a claim', () => {
    expect(golden.policies.claims.every((claim) => standingInWords(claim).meaning !== '')).toBe(true);
  });
});

describe('a listing', () => {
  const recent = '2026-04-12T15:29:00Z';
  test.each([
    ['that is recent and was believed is no trouble', { driver: 'restic', listed_at: recent }, undefined],
    ['that failed is told in the API’s words', { driver: 'restic', listed_at: recent, error: 'timed out' }, 'The restic repository cannot be listed'],
    ['that never was for a minute leaves it unknown what there is', { driver: 'restic', listed_at: null }, 'The restic repository has not been listed yet'],
    ['that is old may be wrong', { driver: 'restic', listed_at: '2026-04-12T14:29:00Z' }, 'The restic repository was not listed lately'],
  ])('%s', (_, listing, title) => {
    expect(listingTrouble(listing, 60_000, now, new Date('2026-04-12T15:29:00Z'))?.title).toBe(title);
  });
});

test('a first listing that is under way is no warning', () => {
  const trouble = (since: string) => listingTrouble({ driver: 'restic', listed_at: null }, 60_000, now, new Date(since));
  expect(trouble('2026-04-12T15:29:30Z')).toMatchObject({ tone: 'busy', title: 'The restic repository is being looked at for the first time' });
  expect(trouble('2026-04-12T15:29:00Z')).toMatchObject({ tone: 'unknown' });
});

describe('what is told', () => {
  test('is old once it is older than Soteria says that it gets', () => {
    const ages = maxAges({ report_max_age_seconds: 3600, listing_max_age_seconds: 60 });
    expect(isOld('2026-04-12T14:31:00Z', ages.report, now)).toBe(false);
    expect(isOld('2026-04-12T14:31:00Z', ages.listing, now)).toBe(true);
  });

  test('is old after a quarter of an hour while Soteria has not said so', () => {
    expect(isOld('2026-04-12T15:16:00Z', maxAges(undefined).report, now)).toBe(false);
    expect(isOld('2026-04-12T15:14:00Z', maxAges(undefined).report, now)).toBe(true);
  });
});
