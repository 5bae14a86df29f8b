import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { FactorSetUp } from './FactorSetUp';

beforeAll(startTexts);

it('who has confirmed with the password goes on at the code', async () => {
  answerWith(() => ({ secret: 'ABCD', uri: 'otpauth://totp/FlexTraff:asha?secret=ABCD' }));
  render(<FactorSetUp onCodes={() => undefined} />, { wrapper: Page });
  const password = screen.getByLabelText(/Confirm with your password/);
  password.focus();
  fireEvent.change(password, { target: { value: 'a long password' } });
  fireEvent.click(screen.getByText('Set up'));
  const code = await screen.findByLabelText(/Code of the app/, {}, { timeout: 10_000 });
  await waitFor(() => expect(document.activeElement).toBe(code));
});
