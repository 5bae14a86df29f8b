import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Page } from '@/testing/page';
import { SearchField } from './SearchField';

it('what is typed stays while the address has not followed yet', () => {
  const asked: string[] = [];
  const field = (value: string | null) => (
    <SearchField label="Search" value={value} onChange={(text) => asked.push(text)} />
  );
  const { rerender } = render(field(null), { wrapper: Page });
  const input = screen.getByLabelText<HTMLInputElement>('Search');
  for (const value of ['k', 'ka', 'kat']) fireEvent.change(input, { target: { value } });
  expect(input.value).toBe('kat');
  expect(asked).toEqual(['k', 'ka', 'kat']);
  rerender(field('ka'));
  expect(input.value).toBe('kat');
  // Somebody has gone back.
  rerender(field(null));
  expect(input.value).toBe('');
});
