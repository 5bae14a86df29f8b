import { act, renderHook } from '@testing-library/react';
import { expect, it } from 'vitest';
import { useTyped } from './useTyped';

const start = () => {
  const sent: string[] = [];
  const hook = renderHook<ReturnType<typeof useTyped>, { address: string | null }>(
    ({ address }) => useTyped(address, (text) => sent.push(text)),
    {
      initialProps: { address: 'pune' },
    },
  );
  const commit = (text: string) => act(() => hook.result.current.commit(text));
  return { ...hook, sent, commit, typed: () => hook.result.current.typed };
};

it('a field follows the address where that changes by itself', () => {
  const { rerender, typed, commit } = start();
  expect(typed()).toBe('pune');
  rerender({ address: 'thane' });
  expect(typed()).toBe('thane');
  commit('nashik');
  rerender({ address: 'nashik' });
  rerender({ address: null });
  expect(typed()).toBe('');
});

it('who types is not thrown back by the address that follows', () => {
  const { rerender, typed, commit, sent } = start();
  for (const text of ['a', 'ab', 'abc']) commit(text);
  expect(sent).toEqual(['a', 'ab', 'abc']);
  for (const address of ['a', 'abc']) {
    rerender({ address });
    expect(typed()).toBe('abc');
  }
  rerender({ address: 'ab' });
  expect(typed()).toBe('ab');
});
