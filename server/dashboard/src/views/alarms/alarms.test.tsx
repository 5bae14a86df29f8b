import { render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { UrgentBadge } from '@/app/UrgentBadge';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Alarms } from './Alarms';

beforeAll(startTexts);

/** What the list asks for at an address. */
async function asked(at: string): Promise<string> {
  const questions: URL[] = [];
  answerWith((url) => {
    if (url.pathname === '/api/alarms') questions.push(url);
    return [];
  });
  const { unmount } = render(
    <Page at={at}>
      <Alarms />
    </Page>,
  );
  await waitFor(() => expect(questions).toHaveLength(1));
  unmount();
  questions[0]?.searchParams.delete('limit');
  return String(questions[0]?.searchParams);
}

it('the badge leads to what it counts, however many newer alarms there are', async () => {
  render(<UrgentBadge count={2} />, { wrapper: Page });
  const badge = screen.getByRole('link', { name: '2 without notice taken' });
  expect(await asked(badge.getAttribute('href') ?? '')).toBe('open=true&acknowledged=false&severity=error');
});

it('open alarms are asked for, unless others are chosen', async () => {
  expect(await asked('/alarms')).toBe('open=true');
  expect(await asked('/alarms?state=over&severity=critical')).toBe('open=false&severity=critical');
  expect(await asked('/alarms?state=all&severity=dreadful')).toBe('');
});
