import { render } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Greens } from './Greens';

beforeAll(startTexts);

it('the green of an emergency has no length, and lasts until that ends', () => {
  const { container } = render(<Greens stages={[{ stage: 'N', green_s: 0 }]} longest={1} />, { wrapper: Page });
  expect(container.textContent).toContain('until it ends');
  expect(container.textContent).not.toContain('0 s');
});
