import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { FilterBar } from './FilterBar';

beforeAll(startTexts);

it('the button that empties the search says so', () => {
  const onSearch = vi.fn();
  render(<FilterBar filter="all" onFilter={() => undefined} search="kat" onSearch={onSearch} />, { wrapper: Page });
  fireEvent.click(screen.getByLabelText('Clear'));
  expect(onSearch).toHaveBeenCalledWith('');
});
