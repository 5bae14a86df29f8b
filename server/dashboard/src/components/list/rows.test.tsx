import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Rows } from './Rows';

beforeAll(startTexts);

it('of a long list a hundred rows are drawn at once, and more when they are asked for', () => {
  const rows = Array.from({ length: 230 }, (_, at) => at);
  const shown = () => document.querySelectorAll('tbody tr').length;
  const list = { label: 'Numbers', rows, rowKey: (row: number) => row, columns: [{ label: 'Number', cell: String }] };
  const { unmount } = render(<Rows {...list} />, { wrapper: Page });
  expect(shown()).toBe(100);
  fireEvent.click(screen.getByText('Show more'));
  fireEvent.click(screen.getByText('Show more'));
  expect(shown()).toBe(230);
  expect(screen.queryByText('Show more')).toBeNull();
  unmount();
  // Its pages are fetched when they are asked for.
  render(<Rows {...list} paged />, { wrapper: Page });
  expect(shown()).toBe(230);
});
