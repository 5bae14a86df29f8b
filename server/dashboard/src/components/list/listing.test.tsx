import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Listing } from './Listing';
import { usePages } from './usePages';

beforeAll(startTexts);

const asked = vi.fn();
beforeEach(() => asked.mockReset());

/** A list of 26 rows, of which 13 come at once. */
function Numbers() {
  const query = usePages(['numbers'], (cursor) => {
    asked(cursor);
    const first = Number(cursor ?? 0);
    return Promise.resolve({
      rows: Array.from({ length: 13 }, (_, at) => first + at),
      next: first === 0 ? '13' : null,
    });
  });
  const columns = [{ label: 'Number', cell: String }];
  return <Listing query={query} label="Numbers" empty="None" rowKey={(row: number) => row} columns={columns} />;
}

const shown = () => document.querySelectorAll('tbody tr').length;

/** A window that is as narrow as a phone. */
const onPhone = () =>
  vi.stubGlobal('matchMedia', (media: string) => ({
    matches: true,
    media,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));

it('on a phone a list begins with few rows, and fetches a further page only when its own are all shown', async () => {
  onPhone();
  render(<Numbers />, { wrapper: Page });
  await screen.findByText('0');
  expect(shown()).toBe(10);
  fireEvent.click(screen.getByText('Show more'));
  expect(shown()).toBe(13);
  expect(asked).toHaveBeenCalledTimes(1);
  fireEvent.click(screen.getByText('Show more'));
  await waitFor(() => expect(shown()).toBe(26));
  expect(screen.queryByText('Show more')).toBeNull();
});

it('elsewhere all that was fetched is shown', async () => {
  render(<Numbers />, { wrapper: Page });
  await screen.findByText('0');
  expect(shown()).toBe(13);
  fireEvent.click(screen.getByText('Show more'));
  await waitFor(() => expect(shown()).toBe(26));
});
