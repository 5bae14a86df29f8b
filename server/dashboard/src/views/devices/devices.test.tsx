import { act, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { Devices } from './Devices';
import * as status from './status';

const NOW = Date.parse('2026-02-10T08:00:00Z');

beforeAll(startTexts);

it('what one device tells draws its line anew and no other, and time that passes none', async () => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const drawn = vi.spyOn(status, 'troublesOf');
  const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  let rows = 7;
  const device = (device_id: string, more: object) => ({
    device_id,
    junction_id: 'j',
    device_name: device_id,
    device_type: 'junction',
    lanes: [],
    status: 'online',
    online: true,
    enrolled: true,
    created_at: '2026-02-01T00:00:00Z',
    last_heartbeat: '2026-02-10T07:59:50Z',
    last_status: { device_id, online: true, ...more },
  });
  answerWith(({ pathname }) => {
    if (pathname !== '/api/devices') return undefined;
    return [device('Mast 1', {}), device('Mast 2', { outbox: { rows, oldest_s: 1 } }), device('Mast 10', {})];
  });
  render(<Devices />, { wrapper: Page });
  await passes(100);
  const names = () => screen.getAllByRole('link', { name: /^Mast/ }).map(({ textContent }) => textContent);
  expect(names()).toEqual(['Mast 1', 'Mast 2', 'Mast 10']);
  expect(screen.getAllByText('10 s ago')).toHaveLength(3);

  drawn.mockClear();
  await passes(5000);
  expect(screen.getAllByText('15 s ago')).toHaveLength(3);
  expect(drawn).not.toHaveBeenCalled();

  rows = 8;
  await passes(11_000);
  expect(screen.getByText('8 rows')).toBeTruthy();
  expect(drawn).toHaveBeenCalledTimes(1);
});
