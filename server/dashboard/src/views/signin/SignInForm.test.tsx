import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { SignInForm } from './SignInForm';

beforeAll(startTexts);

describe('the field of the one-time code', () => {
  const asked = async () => {
    answerWith(() =>
      Response.json(
        { detail: 'A one-time code is needed', errors: [{ field: 'totp', message: 'totp is missing' }] },
        { status: 401 },
      ),
    );
    render(<SignInForm />, { wrapper: Page });
    type('User name', 'asha');
    type('Password', 'secret');
    fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    return screen.findByLabelText(/One-time code/);
  };
  const field = (label: string) => screen.getByLabelText(new RegExp(`^${label}`), { selector: 'input' });
  const type = (label: string, value: string) => fireEvent.change(field(label), { target: { value } });

  it('has the focus when it appears, and takes it from nobody who types elsewhere', async () => {
    const code = await asked();
    await waitFor(() => expect(document.activeElement).toBe(code));
    field('Password').focus();
    type('Password', 'secret!');
    expect(document.activeElement).toBe(field('Password'));
  });

  it('goes when somebody else is to sign in', async () => {
    await asked();
    type('User name', 'ravi');
    expect(screen.queryByLabelText(/One-time code/)).toBeNull();
  });
});
