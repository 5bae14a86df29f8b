import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { CityFile } from './CityFile';

beforeAll(startTexts);

it('nothing is imported while it is not known which junctions that would replace', () => {
  const { rerender } = render(<CityFile known={undefined} />, { wrapper: Page });
  const choose = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Import a file …' });
  expect(choose().disabled).toBe(true);
  rerender(<CityFile known={[]} />);
  expect(choose().disabled).toBe(false);
});
