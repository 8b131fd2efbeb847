import { act, renderHook } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { useDraft } from './draft';

test('a draft that was kept does not come back once what is kept is cleared elsewhere', () => {
  vi.useFakeTimers();
  const keep = vi.fn();
  const { result, rerender } = renderHook(({ kept }) => useDraft(kept, keep, 150), { initialProps: { kept: '' } });
  act(() => result.current[1]('pho'));
  act(() => {
    vi.advanceTimersByTime(150);
  });
  expect(keep.mock.calls).toEqual([['pho']]);
  rerender({ kept: 'pho' });
  expect(result.current[0]).toBe('pho');
  rerender({ kept: '' });
  expect(result.current[0]).toBe('');
  act(() => {
    vi.advanceTimersByTime(1000);
  });
  expect(keep.mock.calls).toEqual([['pho']]);
});
