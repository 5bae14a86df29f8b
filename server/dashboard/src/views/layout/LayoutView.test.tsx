import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { beforeAll, expect, it } from 'vitest';
import type { components } from '@/api/schema';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { LayoutView } from './LayoutView';

beforeAll(startTexts);

type Body = components['schemas']['LanesBody'];

const layout = {
  junction_id: 'j',
  junction_name: 'Swargate',
  city: 'Pune',
  lanes: [{ lane_id: 'n', lane_index: 0, lane_name: 'N', direction_enum: null }],
  groups: [
    { name: 'N', kind: 'vehicle', lanes: ['n'] },
    { name: 'P', kind: 'pedestrian', lanes: [], walk_s: 8 },
  ],
  stages: [{ stage: 'all', groups: ['N'], min_green_s: 7, max_green_s: 60, skip: false }],
  intergreens: [{ from: 'N', to: 'P', seconds: 6 }],
};

/** Shows the editor to an administrator; what is saved is kept, and answered by `answer`. */
async function start(answer: () => unknown = () => layout) {
  const saved: Body[] = [];
  answerWith(async ({ pathname }, request) => {
    if (pathname === '/api/users/me') return Response.json({ user_id: 'u', is_admin: true });
    if (request.method !== 'PUT') return Response.json(pathname.endsWith('/layout') ? layout : []);
    saved.push((await request.json()) as Body);
    return Response.json(await answer());
  });
  const page = (
    <Routes>
      <Route path="/junctions/:junctionId/layout" element={<LayoutView />} />
    </Routes>
  );
  render(page, { wrapper: ({ children }) => <Page at="/junctions/j/layout">{children}</Page> });
  await screen.findByText('Add a lane', {}, { timeout: 10_000 });
  return saved;
}

const field = (name: string) => screen.getByLabelText<HTMLInputElement>(name);
const type = (name: string, value: string) => fireEvent.change(field(name), { target: { value } });
const save = () => fireEvent.click(screen.getByText('Save'));

it('a time that is empty is not saved as 0 s, nor anything beside it, until it has a number', async () => {
  const saved = await start();
  type('Amber', '');
  expect(screen.getByText('A number is needed')).toBeDefined();
  save();
  expect(await screen.findByText(/Nothing is saved until each has a number/)).toBeDefined();
  expect(saved).toEqual([]);
  type('Amber', '4');
  expect(screen.queryByText('A number is needed')).toBeNull();
  expect(screen.queryByText(/Nothing is saved until each has a number/)).toBeNull();
  save();
  await waitFor(() => expect(saved.map(({ signal }) => signal?.amber_s)).toEqual([4]));
});

it('what is being saved does not change meanwhile: new lanes get their ids with it', async () => {
  const saved = await start(() => new Promise(() => undefined));
  const isOpen = () => !field('Amber').closest('fieldset')?.disabled;
  expect(isOpen()).toBe(true);
  type('Amber', '4');
  save();
  await waitFor(() => expect(saved).toHaveLength(1));
  expect(isOpen()).toBe(false);
});
