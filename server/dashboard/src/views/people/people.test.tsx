import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { People } from './People';

beforeAll(startTexts);

it('of everybody stands what he may: all, at how many junctions, or nothing', async () => {
  const user = (username: string, more: object) => ({
    user_id: username,
    username,
    email: `${username}@city.example`,
    is_admin: false,
    is_active: true,
    totp_enabled: false,
    created_at: '2026-02-10T03:00:00Z',
    junctions: 0,
    ...more,
  });
  answerWith((url) =>
    url.pathname === '/api/users/'
      ? [
          user('asha', { is_admin: true }),
          user('meera', { junctions: 4 }),
          user('nila', { junctions: 1 }),
          user('ravi', { is_active: false }),
        ]
      : [],
  );
  render(<People />, { wrapper: Page });
  await screen.findByText('asha');
  const rights = screen
    .getAllByRole('row')
    .slice(1)
    .map((row) => row.querySelector('[data-label=Rights]')?.textContent);
  expect(rights).toEqual(['Administrator', '4 junctions', '1 junction', 'noneDisabled']);
});
