import { fireEvent, render, screen } from '@testing-library/react';
import { Link, Route, Routes } from 'react-router';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { SetupView } from './SetupView';

beforeAll(startTexts);

it('what is typed on the page of a junction does not go along to that of another', async () => {
  answerWith(({ pathname }) => {
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    const id = /^\/api\/junctions\/(\w+)\/layout$/.exec(pathname)?.[1];
    if (!id) return [];
    return { junction_id: id, junction_name: id, city: 'Pune', latitude: 1, longitude: 1, lanes: [], devices: [] };
  });
  render(
    <>
      <Link to="/junctions/b/settings">to b</Link>
      <Link to="/junctions/a/settings">to a</Link>
      <Routes>
        <Route path="/junctions/:junctionId/settings" element={<SetupView />} />
      </Routes>
    </>,
    { wrapper: ({ children }) => <Page at="/junctions/b/settings">{children}</Page> },
  );
  const named = (name: string) => screen.findByText(new RegExp(`^${name}:`), { selector: 'h1' }, { timeout: 10_000 });
  const city = () => screen.getByLabelText<HTMLInputElement>(/City/);
  await named('b');
  fireEvent.click(screen.getByText('to a'));
  await named('a');
  fireEvent.change(city(), { target: { value: 'Thane' } });
  fireEvent.click(screen.getByText('to b'));
  await named('b');
  expect(city().value).toBe('Pune');
});
