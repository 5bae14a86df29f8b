import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { Device } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { ReadersCard } from './ReadersCard';

beforeAll(startTexts);

const device = {
  device_id: 'd',
  device_type: 'detector',
  lanes: [],
  created_at: '2026-01-01T00:00:00Z',
} as unknown as Device;
const reader = { name: 'north', state: 'up', reads_per_s: 1, bad_frames: 0, dropped_bytes: 0 } as const;

it('a reader is restarted only after a second thought', async () => {
  const sent: unknown[] = [];
  answerWith(async (_url, request) => {
    sent.push(await request.json());
    return Response.json({ result: 'done', detail: 'It is up' });
  });
  render(<ReadersCard device={device} readers={[reader]} present mayRestart />, { wrapper: Page });
  fireEvent.click(screen.getByLabelText('Restart the reader: north'));
  expect(await screen.findByText(/Until north is up again/)).toBeDefined();
  expect(sent).toEqual([]);
  fireEvent.click(screen.getAllByText('Restart').at(-1) as HTMLElement);
  await waitFor(() => expect(sent).toEqual([{ type: 'restart_reader', name: 'north' }]));
});
