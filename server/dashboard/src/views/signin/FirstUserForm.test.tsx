import { act, fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { FirstUserForm } from './FirstUserForm';

beforeAll(startTexts);

it.each([
  ['asks for the token of the server and sends it', true, 'of-the-log'],
  ['sends none where the server asks for none', false, null],
])('the first registration %s', async (_, needsToken, expected) => {
  let sent: (token: string | null) => void = () => undefined;
  const token = new Promise<string | null>((done) => (sent = done));
  answerWith(({ pathname }, request) => {
    if (pathname !== '/api/users/register') return undefined;
    sent(request.headers.get('X-Setup-Token'));
    return new Response(JSON.stringify({ detail: 'Not this one' }), { status: 403 });
  });
  render(<FirstUserForm needsToken={needsToken} />, { wrapper: Page });
  const field = screen.queryByLabelText(/token/i);
  expect(field !== null).toBe(needsToken);
  if (field) fireEvent.change(field, { target: { value: 'of-the-log' } });
  const form = document.querySelector('form');
  if (form) fireEvent.submit(form);
  expect(await act(() => token)).toBe(expected);
  await screen.findByText('Not this one');
});
