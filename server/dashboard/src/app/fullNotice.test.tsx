import { render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { FullNotice } from './FullNotice';

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
  render(<FullNotice />, { wrapper: Page });
  expect((await screen.findByRole('alert')).textContent).toMatch(/The disk of the database is full.*Nothing is stored/);
});

it('of a server without a broker, or that is well, it says nothing', async () => {
  for (const [status, mqtt] of [
    [503, 'disconnected'],
    [200, 'connected'],
  ] as const) {
    const asked = saying(status, { status: 'x', database: 'connected', mqtt });
    const { container, unmount } = render(<FullNotice />, { wrapper: Page });
    await waitFor(() => expect(asked()).toBe(1));
    await new Promise((done) => setTimeout(done, 50));
    expect(container.querySelector('[role=alert]')).toBeNull();
    unmount();
  }
});
