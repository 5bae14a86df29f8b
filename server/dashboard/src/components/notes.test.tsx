import { act, render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Notes } from './Notes';
import { tellDone, tellFailed } from './notify';

beforeAll(startTexts);

it('each failure is told, however many notices nobody has closed', async () => {
  render(<Notes />, { wrapper: Page });
  const roads = Array.from({ length: 12 }, (_, at) => `Road ${at}`);
  act(() => {
    for (const road of roads) tellFailed(road, 'Refused');
    tellDone('Saved');
  });
  await screen.findByText('Saved');
  expect(screen.getAllByText(/^Road/).map(({ textContent }) => textContent)).toEqual(roads);
});
