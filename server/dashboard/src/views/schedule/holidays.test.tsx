import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { useViewUnsaved } from '@/components/edits/unsaved';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { CityHolidays } from './CityHolidays';
import { Holidays } from './Holidays';

beforeAll(startTexts);

const Asks = () => <p data-testid="asks">{String(useViewUnsaved())}</p>;

it('a holiday that is typed in and not added is not left without a question', () => {
  render(
    <>
      <Asks />
      <Holidays label="Holidays" holidays={[]} change={() => undefined} />
    </>,
    { wrapper: Page },
  );
  const asks = () => screen.getByTestId('asks').textContent;
  const type = (name: RegExp, value: string) => fireEvent.change(screen.getByLabelText(name), { target: { value } });
  expect(asks()).toBe('false');
  type(/^Name of the holiday/, 'Ganesh Chaturthi');
  expect(asks()).toBe('true');
  type(/^Date/, '2026-09-14');
  fireEvent.click(screen.getByText('Add'));
  expect(asks()).toBe('false');
});

it('when somebody else has saved the holidays of a city is told in its zone', async () => {
  answerWith(({ pathname }, { method }) => {
    if (method === 'PUT')
      return Response.json(
        { detail: 'This has changed; meera saved it last, on 10 Feb 2025, 20:00:00 UTC' },
        { status: 412 },
      );
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    if (pathname === '/api/overview') return [{ junction_id: 'j', junction_name: 'J', time_zone: 'Asia/Kathmandu' }];
    return { holidays: [{ date: '2026-09-14', name: 'Ganesh Chaturthi' }] };
  });
  render(<CityHolidays city="Pune" junction="j" holidays={[]} />, { wrapper: Page });
  fireEvent.click(await screen.findByRole('button', { name: /^Remove/ }));
  fireEvent.click(await screen.findByRole('button', { name: 'Save' }));
  await waitFor(() =>
    expect(screen.getByRole('alert').textContent).toContain('meera saved it last, on 11 Feb 2025, 01:45'),
  );
});
