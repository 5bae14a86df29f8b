import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { SessionsCard } from './SessionsCard';

beforeAll(startTexts);

const wait = { timeout: 10_000 };

it('the session of this page is marked, and all of them end only after a question', async () => {
  const sent: string[] = [];
  const at = '2026-04-20T10:00:00Z';
  const row = (session_id: string, browser: string, is_this: boolean) => ({
    session_id,
    is_this,
    user_agent: `${browser}/140.0`,
    created_at: at,
    last_used_at: at,
    expires_at: at,
  });
  answerWith(({ pathname }, { method }) => {
    if (method !== 'GET') sent.push(`${method} ${pathname}`);
    return pathname === '/api/users/me/sessions' ? [row('a', 'Firefox', false), row('b', 'Chrome', true)] : [];
  });
  render(<SessionsCard />, { wrapper: Page });
  const mark = await screen.findByText('this page', {}, wait);
  expect(within(mark.closest('tr') as HTMLElement).getByText('Chrome 140')).toBeDefined();
  const everywhere = screen.getByText('Sign out everywhere');
  fireEvent.click(everywhere);
  await screen.findByText(/that of this page as well/, {}, wait);
  expect(sent).toEqual([]);
  fireEvent.click(screen.getByText('Cancel'));
  await waitFor(() => expect(screen.queryByText(/that of this page as well/)).toBeNull(), wait);
  expect(sent).toEqual([]);
  fireEvent.click(everywhere);
  const dialog = await screen.findByRole('dialog', {}, wait);
  fireEvent.click(within(dialog).getByRole('button', { name: 'Sign out everywhere' }));
  await waitFor(() => expect(sent).toEqual(['DELETE /api/users/me/sessions']), wait);
});
