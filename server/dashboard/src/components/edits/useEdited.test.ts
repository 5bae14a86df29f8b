import { act, renderHook } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { useEdited } from './useEdited';

describe('what somebody changes', () => {
  const start = () =>
    renderHook(({ value, tag }) => useEdited(value, tag), { initialProps: { value: ['a'], tag: '"1"' } });

  it('names the state that it was made from, whatever is fetched later', () => {
    const { result, rerender } = start();
    act(() => result.current.change((before) => [...before, 'b']));
    expect(result.current).toMatchObject({ value: ['a', 'b'], changed: true, outdated: false });
    rerender({ value: ['of another'], tag: '"2"' });
    expect(result.current).toMatchObject({ value: ['a', 'b'], outdated: true, header: { 'If-Match': '"1"' } });
  });

  it('gives way to what was fetched when it is given up', () => {
    const { result, rerender } = start();
    act(() => result.current.change(() => []));
    rerender({ value: ['of another'], tag: '"2"' });
    act(() => result.current.forget());
    expect(result.current).toMatchObject({ value: ['of another'], changed: false, outdated: false, header: {} });
  });
});
