import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Drawing } from './Drawing';

beforeAll(startTexts);

const layout = {
  lanes: ['N', 'E'].map((name, index) => ({
    lane_id: name,
    lane_index: index,
    lane_name: name,
    direction_enum: name,
  })),
  groups: [],
  stages: [],
} as unknown as Layout;

it('a queue longer than the drawing has room for is told by how many more there are', () => {
  const waiting = new Map([
    ['N', 25],
    ['E', 5],
  ]);
  render(<Drawing layout={layout} aspects={{}} stale={false} counts={new Map()} waiting={waiting} />, {
    wrapper: Page,
  });
  expect(screen.getByTestId('more-N').textContent).toBe('+20');
  expect(screen.queryByTestId('more-E')).toBeNull();
});
