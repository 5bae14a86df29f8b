import { Notifications } from '@mantine/notifications';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { User } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { DeedsCard } from './DeedsCard';

beforeAll(startTexts);

it('an administrator is told that a password is set, and that somebody is signed out', async () => {
  const sent: string[] = [];
  answerWith(({ pathname }, { method }) => {
    if (method !== 'GET') sent.push(`${method} ${pathname}`);
    return {};
  });
  const user = { user_id: 'u', username: 'asha', is_admin: false, is_active: true } as User;
  render(
    <>
      <Notifications />
      <DeedsCard user={user} />
    </>,
    { wrapper: Page },
  );
  const wait = { timeout: 10_000 };
  fireEvent.click(screen.getByText('Set a new password'));
  const field = await screen.findByLabelText(/New password/, {}, wait);
  fireEvent.change(field, { target: { value: 'a long new password' } });
  fireEvent.click(screen.getAllByText('Set a new password').at(-1) as HTMLElement);
  expect(await screen.findByText('asha has the new password, and is signed out everywhere.', {}, wait)).toBeDefined();
  await waitFor(() => expect(screen.queryByLabelText(/New password/)).toBeNull(), wait);
  fireEvent.click(screen.getByText('Sign out everywhere'));
  await screen.findByText(/asha may sign in again/, {}, wait);
  fireEvent.click(screen.getAllByText('Sign out everywhere').at(-1) as HTMLElement);
  expect(await screen.findByText('asha is signed out everywhere.', {}, wait)).toBeDefined();
  expect(sent).toEqual(['PATCH /api/users/u', 'DELETE /api/users/u/sessions']);
});
