import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { User } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { ProfileForm } from './ProfileForm';

beforeAll(startTexts);

it('what is typed while the profile is saved stays, to be saved with what comes next', async () => {
  const sent: unknown[] = [];
  let answer: (response: Response) => void = () => undefined;
  answerWith(async (_url, request) => {
    sent.push(await request.json());
    return new Promise((resolve) => (answer = resolve));
  });
  const user = { user_id: 'u', email: 'a@example.org', full_name: 'Asha' } as User;
  render(<ProfileForm user={user} />, { wrapper: Page });
  const name = screen.getByLabelText<HTMLInputElement>('Full name');
  const email = screen.getByLabelText<HTMLInputElement>(/Email|E-mail/);
  const type = (field: HTMLInputElement, value: string) => fireEvent.change(field, { target: { value } });
  type(name, 'Asha R');
  type(email, 'b@example.org');
  fireEvent.click(screen.getByText('Save'));
  await waitFor(() => expect(sent).toEqual([{ full_name: 'Asha R', email: 'b@example.org' }]));
  type(name, 'Asha Rao');
  answer(Response.json({}));
  // Nothing fetches the user anew here: what was sent is no edit any more, and shows as it was.
  await waitFor(() => expect(email.value).toBe('a@example.org'));
  expect(name.value).toBe('Asha Rao');
});
