import { render, screen } from '@testing-library/react';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Device } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { ReadersCard } from '@/views/device/ReadersCard';
import { DevicesCard } from '@/views/junction/DevicesCard';
import { toldBy } from '@/views/junction/health';
import type { Present } from '@/views/junction/useJunction';
import { DeviceRows } from './DeviceRows';
import type { ReaderStatus } from './status';

const reader: ReaderStatus = { name: 'North', state: 'up', reads_per_s: 1.5, bad_frames: 0, dropped_bytes: 0 };
const device = (online: boolean) =>
  ({
    device_id: 'd',
    junction_id: 'j',
    device_type: 'junction',
    device_name: 'Cabinet',
    status: online ? 'online' : 'offline',
    online,
    last_heartbeat: '2026-02-10T08:00:00Z',
    last_status: { device_id: 'd', online, readers: [reader], outbox: { rows: 7, oldest_s: 4 } },
  }) as unknown as Device;
const at = Date.parse('2026-02-10T08:00:10Z');

beforeAll(startTexts);

describe('a device that is gone', () => {
  const words = (online: boolean) => {
    answerWith(() => undefined);
    render(<DeviceRows devices={[device(online)]} />, { wrapper: Page });
    render(<ReadersCard device={device(online)} readers={[reader]} present={online} mayRestart={false} />, {
      wrapper: Page,
    });
    return screen.getAllByRole('cell').map(({ textContent }) => textContent);
  };

  it('is shown as it was last told, not as if it were so', () => {
    const said = words(false);
    expect(said).toContain('1 of 1 work when last told');
    expect(said).toContain('7 rows when last told');
    expect(said).toContain('Works when last told');
    expect(said).not.toContain('1.5');
  });

  it('is marked so at its junction as well', () => {
    vi.useFakeTimers({ now: at });
    const shown = (online: boolean) => {
      const row = device(online);
      const devices = { data: [row], error: null, isPending: false } as unknown as Present['devices'];
      const present = { devices, told: toldBy([row], at, new Map()) } as Present;
      const { container, unmount } = render(<DevicesCard present={present} />, { wrapper: Page });
      const text = container.textContent;
      unmount();
      return text;
    };
    expect(shown(false)).toContain('7 rows, the oldest 4 s old when last told');
    expect(shown(true)).not.toContain('when last told');
  });

  it('is shown as it is while it is there', () => {
    const said = words(true);
    expect(said).toEqual(expect.arrayContaining(['1 of 1 work', '7 rows', 'Works', '1.5']));
  });
});
