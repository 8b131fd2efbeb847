import { expect, test } from 'vitest';
import { warningsOf } from './warnings';

const titles = (status: Parameters<typeof warningsOf>[0]) => warningsOf(status).map(({ title }) => title);

test('where all is as it should be there is nothing to say', () => {
  expect(warningsOf({ gate: { state: 'closed' }, restore_mode: 'auto' })).toEqual([]);
});

test('a gate that lets claims through is said first, in the API’s words', () => {
  const [first, second] = warningsOf({ gate: { state: 'off', message: 'Protected claims start empty.' }, restore_mode: 'required' });
  expect(first).toEqual({ tone: 'bad', title: 'The gate is off', detail: 'Protected claims start empty.' });
  expect(second?.detail).toContain('SOTERIA_RESTORE_MODE');
});

test('a gate with gaps and one that nobody knows of are not a closed one', () => {
  expect(titles({ gate: { state: 'incomplete', message: 'x' }, restore_mode: 'auto' })).toEqual(['The gate has gaps']);
  expect(titles({ gate: { state: 'unknown', message: 'x' }, restore_mode: 'auto' })).toEqual(['Whether the gate is closed is not known']);
});

test('clocks that disagree, a rival of the cluster’s name, and a copy that is not current are told', () => {
  const copy = { driver: 'restic', message: 'the repository is read-only' };
  expect(titles({ gate: { state: 'closed' }, restore_mode: 'auto', clock_doubt: '14m0s ahead', memory_copies: [{ driver: 's3' }, copy, { ...copy, rival: 'c0ffee' }] })).toEqual([
    'The clocks disagree',
    'The copy of Soteria’s memory in the restic repository is not current',
    'Another cluster uses the name of this one',
  ]);
});
