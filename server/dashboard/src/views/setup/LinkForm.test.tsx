import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { LinkForm } from './LinkForm';
import type { Way } from './Links';

beforeAll(startTexts);

const lane = (name: string) => ({ lane_id: name, lane_name: name });
const layout = { junction_id: 'here', junction_name: 'Here', lanes: [lane('E'), lane('W')] } as unknown as Layout;
const known = [
  { from_junction: 'west', to_junction: 'here', from_lanes: [], to_lanes: ['W'], distance_m: 640, free_flow_s: 52 },
] as unknown as Way[];

it('a new link for a pair that is linked already begins with what it is, and says so', async () => {
  const sent: unknown[] = [];
  answerWith(async ({ pathname }, request) => {
    if (request.method === 'PUT') sent.push([pathname, await request.json()]);
    if (pathname === '/api/junctions/')
      return Response.json(['here', 'east', 'west'].map((name) => ({ junction_id: name, junction_name: name })));
    return Response.json(pathname.endsWith('/layout') ? { ...layout, lanes: [] } : {});
  });
  render(<LinkForm layout={layout} link={null} known={known} done={() => undefined} />, { wrapper: Page });
  const field = (name: RegExp) => screen.getByRole<HTMLInputElement>('textbox', { name });
  const numbers = () => [field(/Distance/).value, field(/Travel time/).value];
  const choose = async (name: string) => {
    fireEvent.click(screen.getByRole('combobox', { name: /The other junction/ }));
    fireEvent.click(await screen.findByRole('option', { name, hidden: true }));
  };
  fireEvent.change(field(/Distance/), { target: { value: '300' } });
  await choose('east');
  expect(numbers()).toEqual(['300', '']);
  expect(screen.queryByRole('status')).toBeNull();
  await choose('west');
  expect(numbers()).toEqual(['640', '52']);
  expect(screen.getByRole('status').textContent).toContain('linked already');
  // The other way is another link.
  fireEvent.click(screen.getByRole('radio', { name: 'Leaves from here' }));
  expect(numbers()).toEqual(['', '']);
  expect(screen.queryByRole('status')).toBeNull();
  fireEvent.click(screen.getByRole('radio', { name: 'Arrives here' }));
  fireEvent.change(field(/Distance/), { target: { value: '650' } });
  fireEvent.click(screen.getByRole('button', { name: 'Save' }));
  const body = { from_lanes: [], to_lanes: ['W'], distance_m: 650, free_flow_s: 52 };
  await waitFor(() => expect(sent).toEqual([['/api/links/west/here', body]]));
});

it('what cannot be fetched is said where it would be chosen, and is there once it can', async () => {
  let failing = true;
  answerWith(({ pathname }) => {
    if (pathname === '/api/junctions/')
      return failing ? Response.json({ detail: 'No junctions today' }, { status: 500 }) : [];
    if (!pathname.endsWith('/layout')) return {};
    return failing
      ? Response.json({ detail: 'No lanes today' }, { status: 500 })
      : { ...layout, lanes: [lane('N')], junction_id: 'west' };
  });
  render(<LinkForm layout={layout} link={known[0] ?? null} known={known} done={() => undefined} />, { wrapper: Page });
  const wait = { timeout: 10_000 };
  await screen.findByText('No junctions today', {}, wait);
  const lanes = () => screen.getByLabelText<HTMLInputElement>('Lanes there', { selector: 'input' });
  await screen.findByText('No lanes today', {}, wait);
  expect(lanes().disabled).toBe(true);
  failing = false;
  for (const again of screen.getAllByText('Try again')) fireEvent.click(again);
  await waitFor(() => expect(screen.queryByText(/today$/)).toBeNull(), wait);
  expect(lanes().disabled).toBe(false);
});
