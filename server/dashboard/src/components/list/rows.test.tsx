import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Rows } from './Rows';

beforeAll(startTexts);

it('of a long list fifty rows are drawn at once, and more when they are asked for', () => {
  const rows = Array.from({ length: 130 }, (_, at) => at);
  const shown = () => document.querySelectorAll('tbody tr').length;
  const list = { label: 'Numbers', rows, rowKey: (row: number) => row, columns: [{ label: 'Number', cell: String }] };
  const { unmount } = render(<Rows {...list} />, { wrapper: Page });
  expect(shown()).toBe(50);
  fireEvent.click(screen.getByText('Show more'));
  fireEvent.click(screen.getByText('Show more'));
  expect(shown()).toBe(130);
  expect(screen.queryByText('Show more')).toBeNull();
  unmount();
  // Its pages are fetched when they are asked for.
  render(<Rows {...list} paged />, { wrapper: Page });
  expect(shown()).toBe(130);
});

it('of a list of which one row changes the others are not drawn anew', () => {
  const drawn: string[] = [];
  const cell = (row: { name: string }) => {
    drawn.push(row.name);
    return row.name;
  };
  const columns = [{ label: 'Name', cell }];
  const rows = ['N', 'S', 'E'].map((name) => ({ name }));
  const list = { label: 'Names', rowKey: (row: { name: string }) => row.name, columns };
  const { rerender } = render(<Rows {...list} rows={rows} />, { wrapper: Page });
  drawn.length = 0;
  rerender(<Rows {...list} rows={rows.map((row) => (row.name === 'S' ? { ...row } : row))} />);
  expect(drawn).toEqual(['S']);
  // What a column shows may have changed with it.
  rerender(<Rows {...list} rows={rows} columns={[...columns]} />);
  expect(drawn.slice(1)).toEqual(['N', 'S', 'E']);
});

it('on a card a button stands without the name of its column, which screen readers have all the same', () => {
  const columns = [
    { label: 'Name', cell: String },
    { label: 'End', act: true, cell: () => <button>End</button> },
  ];
  render(<Rows label="Sessions" rows={['here']} rowKey={String} columns={columns} />, { wrapper: Page });
  expect(screen.getAllByRole('cell').map((cell) => cell.dataset.label)).toEqual(['Name', undefined]);
  expect(screen.getAllByRole('columnheader').map(({ textContent }) => textContent)).toEqual(['Name', 'End']);
});
