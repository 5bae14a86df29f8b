import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { City } from './City';

vi.mock('./CityMap', () => ({ CityMap: () => null }));

beforeAll(startTexts);

it('why the roads of the map cannot be had is said', async () => {
  answerWith(({ pathname }) =>
    pathname === '/api/links' ? Response.json({ detail: 'The disk is full' }, { status: 500 }) : [],
  );
  render(<City />, { wrapper: Page });
  expect((await screen.findByText('The disk is full', {}, { timeout: 10_000 })).lang).toBe('en');
});

it('junctions that could not be fetched are not said to match nothing', async () => {
  answerWith(({ pathname }) =>
    pathname === '/api/overview' ? Response.json({ detail: 'The disk is full' }, { status: 500 }) : [],
  );
  render(<City />, { wrapper: Page });
  await screen.findByText('The disk is full');
  expect(screen.queryByText('No junction matches.')).toBeNull();
});

it('a city without junctions says so', async () => {
  answerWith(() => []);
  render(<City />, { wrapper: Page });
  await screen.findByText(/^There are no junctions yet/);
});
