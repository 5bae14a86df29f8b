import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { AdminOnly } from './AdminOnly';
import { views } from './views';

beforeAll(startTexts);

const start = (isAdmin: boolean) => {
  answerWith(({ pathname }) => (pathname === '/api/users/me' ? { user_id: 'u', is_admin: isAdmin } : undefined));
  render(<AdminOnly>a form</AdminOnly>, { wrapper: Page });
};

it('who is no administrator is told that a view of theirs is not permitted, and sees nothing of it', async () => {
  start(false);
  expect(screen.queryByText('a form')).toBeNull();
  expect(await screen.findByText('Not permitted')).toBeDefined();
  expect(screen.queryByText('a form')).toBeNull();
});

it('administrators have it', async () => {
  start(true);
  expect(await screen.findByText('a form')).toBeDefined();
});

it('users, settings, the audit and dead letters are for administrators', () => {
  const paths = views.filter(({ admin }) => admin).map(({ path }) => path);
  expect(paths.sort()).toEqual(['/audit', '/dead-letters', '/settings', '/users', '/users/:userId']);
});
