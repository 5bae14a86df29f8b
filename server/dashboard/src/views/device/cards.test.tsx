import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import type { Device } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { FactsCard } from './FactsCard';
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

it('what was wrong with a device that is gone, or is let in no more, is told as it was then', () => {
  const status = { device_id: 'd', online: true, clock: 'unsynced' } as const;
  const title = (of: Device, present: boolean) => {
    const facts = <FactsCard device={of} status={status} at={null} present={present} layout={undefined} now={0} />;
    const { container, unmount } = render(facts, { wrapper: Page });
    const found = container.querySelector('.mantine-Alert-title')?.textContent;
    unmount();
    return found;
  };
  expect(title(device, true)).toBe('Needs attention');
  expect(title(device, false)).toBe('When last told it needed attention');
  expect(title({ ...device, revoked_at: '2026-01-02T00:00:00Z' }, true)).toBe('When last told it needed attention');
});
