import { expect, test } from 'vitest';
import { STALLED, stallOf } from './stall';

const condition = (met: boolean, reason: string) => ({ type: STALLED, met, reason, message: 'node worker-2 is gone; delete the Node', since: '2026-03-01T12:00:00Z' });

test('a restore that does not go on says what holds it up, why, and what to do', () => {
  expect(stallOf({ conditions: [condition(true, 'NodeLost')] })).toEqual({ title: 'Nothing moves: a node is gone', message: 'node worker-2 is gone; delete the Node', since: '2026-03-01T12:00:00Z' });
});

test('a cause that the console does not know is shown as it is', () => {
  expect(stallOf({ conditions: [condition(true, 'Gremlins')] })?.title).toBe('Nothing moves: Gremlins');
});

test('a restore that goes on again is not stalled', () => {
  expect(stallOf({ conditions: [condition(false, 'Recovered')] })).toBeNull();
  expect(stallOf({ conditions: [] })).toBeNull();
});
