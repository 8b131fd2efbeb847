import { describe, expect, test } from 'vitest';
import { golden } from '@/testing/golden';
import { remarksOn, takingInWords, warningsOn } from './remarks';

const byId = (id: string) => {
  const backup = golden.backupsAssorted.backups.find((each) => each.id === id);
  if (!backup) throw new Error(`no golden backup ${id}`);
  return backup;
};

describe('what is to be known of a backup', () => {
  test.each([
    ['a1f0', ['Date in the future']],
    ['b2f0', ['Another cluster’s']],
    ['c3f0', ['Holds far less', 'Void']],
    ['d4f0', ['Not reviewed']],
    ['e5f0', ['Partial']],
    ['f6f0', []],
    ['a7f0', ['Cannot be restored']],
  ])('%s is %j', (id, labels) => {
    const warnings = warningsOn(byId(id));
    expect(warnings.map(({ label }) => label)).toEqual(labels);
    expect(warnings.every(({ meaning }) => meaning !== '')).toBe(true);
  });

  test('names the cluster, or says that there is no name', () => {
    expect(remarksOn(byId('b2f0'))[0]?.meaning).toContain('cluster attic');
    expect(remarksOn({ objection: 'other-cluster' })[0]?.meaning).toContain('does not name');
  });

  test('is not lost where the console does not know the word', () => {
    expect(remarksOn({ objection: 'cursed' })[0]).toMatchObject({ label: 'cursed', tone: 'unknown' });
    expect(takingInWords({ outcome: 'cursed' })).toMatchObject({ label: 'cursed', tone: 'unknown' });
  });

  test('never takes an outcome that no one saw for a whole backup', () => {
    expect(takingInWords({}).tone).toBe('unknown');
    expect(takingInWords({ outcome: 'unknown' }).tone).toBe('unknown');
  });
});
