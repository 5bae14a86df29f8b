import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Told } from './Told';

beforeAll(startTexts);

/** What is said where the server's configuration has these values. */
async function said(values: Record<string, unknown>): Promise<(string | null)[]> {
  answerWith((url) =>
    url.pathname === '/api/settings'
      ? Object.entries(values).map(([key, value]) => ({ section: 'alarms', key, value, source: 'file' }))
      : undefined,
  );
  render(<Told />, { wrapper: Page });
  return (await screen.findAllByRole('listitem')).map(({ textContent }) => textContent);
}

it('a webhook and mails are told with where they go, and from which severity on', async () => {
  const values = {
    webhook_url: 'https://chat.example/hook',
    smtp_url: 'smtps://mail.example',
    mail_to: ['control@city.example', 'duty@city.example'],
    least_severity: 'error',
    most_per_hour: 60,
  };
  expect(await said(values)).toEqual([
    'Each change is posted to https://chat.example/hook.',
    'Mails go to control@city.example, duty@city.example by smtps://mail.example.',
    'From severity “Error” on, at most 60 messages an hour.',
  ]);
});

it('where nothing is set nobody is told', async () => {
  const values = { webhook_url: null, smtp_url: null, mail_to: [], least_severity: 'warning', most_per_hour: 60 };
  expect(await said(values)).toEqual(['Nothing is posted to other programs.', 'No mails are sent.']);
});
