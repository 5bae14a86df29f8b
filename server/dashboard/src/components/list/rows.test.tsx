import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Rows } from './Rows';

beforeAll(startTexts);

it('of a long list a hundred rows are drawn at once, and more when they are asked for', async () => {
  const rows = Array.from({ length: 230 }, (_, at) => at);
  const shown = () => screen.getAllByRole('row').length - 1;
  const list = { label: 'Numbers', rows, rowKey: (row: number) => row, columns: [{ label: 'Number', cell: String }] };
  const { unmount } = render(<Rows {...list} />, { wrapper: Page });
  expect(shown()).toBe(100);
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }));
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }));
  expect(shown()).toBe(230);
  expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
  unmount();
  // Its pages are fetched when they are asked for.
  render(<Rows {...list} paged />, { wrapper: Page });
  expect(shown()).toBe(230);
});
