import { act, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { HealthNotices } from './HealthNotices';

beforeAll(startTexts);

/** What the server says of itself, with its status. */
const saying = (status: number, body: object) => {
  let asked = 0;
  answerWith((url) => {
    if (url.pathname !== '/health') return undefined;
    asked += 1;
    return Response.json(body, { status });
  });
  return () => asked;
};

it('a full disk of the database is told on every page', async () => {
  saying(503, { status: 'degraded', database: 'connected', mqtt: 'connected', detail: 'The disk is full' });
  render(<HealthNotices />, { wrapper: Page });
  expect((await screen.findByRole('alert')).textContent).toMatch(/The disk of the database is full.*Nothing is stored/);
});

it('a broker that the server does not reach is told on every page', async () => {
  saying(503, { status: 'degraded', database: 'connected', mqtt: 'disconnected' });
  render(<HealthNotices />, { wrapper: Page });
  const told = (await screen.findByRole('alert')).textContent;
  expect(told).toMatch(/The server does not reach the message broker.*no override reaches a junction/);
});

it('is looked for again soon, and is gone once the broker is back', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date'] });
  let mqtt = 'disconnected';
  answerWith((url) =>
    url.pathname === '/health'
      ? Response.json({ status: 'x', database: 'connected', mqtt }, { status: mqtt === 'connected' ? 200 : 503 })
      : undefined,
  );
  render(<HealthNotices />, { wrapper: Page });
  const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  await passes(100);
  expect(screen.queryByTestId('no-broker')).not.toBeNull();
  mqtt = 'connected';
  await passes(16_000);
  expect(screen.queryByTestId('no-broker')).toBeNull();
});

it('of a server that is well it says nothing', async () => {
  const asked = saying(200, { status: 'healthy', database: 'connected', mqtt: 'connected' });
  const { container } = render(<HealthNotices />, { wrapper: Page });
  await waitFor(() => expect(asked()).toBe(1));
  await new Promise((done) => setTimeout(done, 50));
  expect(container.querySelector('[role=alert]')).toBeNull();
});
