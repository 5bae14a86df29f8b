import { act, cleanup, render, screen } from '@testing-library/react';
import i18next from 'i18next';
import { useTranslation } from 'react-i18next';
import { beforeAll, expect, it, vi } from 'vitest';
import { clock } from '@/api/clock';
import { AsOf } from '@/components/AsOf';
import { startTexts } from '@/i18n';
import { Format, useFormat } from '@/i18n/format';
import { LostBanner } from '@/live/LostBanner';
import { Page } from '@/testing/page';
import { ActiveOverride, useOverrideFacts } from './ActiveOverride';
import { ReplacedNote } from './ReplacedNote';

const NOW = Date.parse('2026-02-10T04:31:00Z');
const override = {
  override_id: 'o',
  mode: 'manual_override',
  username: 'asha',
  override_start: '2026-02-09T12:00:00Z',
  expires_at: '2026-02-10T04:31:50Z',
  reason: 'Procession',
  road_state: 'running',
} as unknown as Parameters<typeof ActiveOverride>[0]['override'];
const lanes = [{ lane_id: 'l', lane_name: 'North' }] as Parameters<typeof ActiveOverride>[0]['lanes'];

vi.mock('@/live/hooks', async (original) => ({
  ...(await original<object>()),
  useLink: () => ({ state: 'lost', retryAt: null, lostAt: NOW - 10_000, heardAt: NOW - 20_000 }),
}));

beforeAll(startTexts);

function All() {
  const { t } = useTranslation('junction');
  const format = useFormat();
  const facts = useOverrideFacts(override, lanes, format);
  const text = t('override.replaces.manual_override', { what: facts.join(' · ') });
  return (
    <>
      <LostBanner />
      <ActiveOverride override={override} lanes={lanes} format={format} />
      <ReplacedNote replaced={{ text, isOthers: true }} />
      <AsOf query={{ data: [], error: new Error('away'), dataUpdatedAt: NOW - 30_000 }} />
    </>
  );
}

const start = () => {
  vi.useFakeTimers({ now: NOW });
  return render(<All />, { wrapper: Page }).container;
};

it('what is announced does not count seconds, although what is shown does', () => {
  const container = start();
  const announced = () =>
    [...container.querySelectorAll('[role=alert], [role=status], [aria-live]')].map(({ textContent }) => textContent);
  const [said, shown] = [announced(), container.textContent];
  expect(said).toEqual(['Connection lost', 'Manual override', 'Road: confirmed: the lamps obey', expect.any(String)]);
  for (const age of ['20 s old', 'ends in 50 s', '30 s old']) expect(shown).toContain(age);
  act(() => {
    vi.advanceTimersByTime(3000);
  });
  expect(announced()).toEqual(said);
  for (const age of ['23 s old', 'ends in 47 s', '33 s old']) expect(container.textContent).toContain(age);
});

it('what it is for stands first: why, and the lane of an emergency', () => {
  vi.useFakeTimers({ now: NOW });
  const emergency = { ...override, mode: 'emergency', lane_id: 'l', reason: 'Ambulance' };
  render(<ActiveOverride override={emergency} lanes={lanes} format={new Format('en-IN', i18next.t)} />, {
    wrapper: Page,
  });
  expect(screen.getByTestId('active-override').textContent).toMatch(/^EmergencyAmbulancefor lane North · by asha/);
});

it('of one whose time is over nothing is counted any more', () => {
  vi.useFakeTimers({ now: Date.parse(override.expires_at ?? '') + 2000 });
  render(<All />, { wrapper: Page });
  expect(screen.getByTestId('active-override').textContent).toContain('ends any moment');
  expect(screen.getByTestId('active-override').textContent).not.toContain('0 s');
});

it('an override that was set on another day says so', () => {
  start();
  expect(screen.getByTestId('active-override').textContent).toMatch(/since 9 Feb,? 17:30:00/);
  expect(screen.getByTestId('active-override').textContent).toContain('at 10:01:50');
});

it('at what time something is, is said by the clock of the server, however fast that of this machine is', () => {
  const AHEAD = 3 * 3600_000;
  vi.useFakeTimers({ now: NOW + AHEAD });
  clock.learn('Tue, 10 Feb 2026 04:31:00 GMT', NOW + AHEAD + 500, NOW + AHEAD + 500);
  const { container } = render(
    <>
      <All />
      <AsOf query={{ data: [], error: new Error('away'), dataUpdatedAt: NOW + AHEAD - 20_000 }} />
    </>,
    { wrapper: Page },
  );
  try {
    expect(container.textContent).toMatch(/ends in 50 s, at 10:01:50/);
    expect(screen.getByTestId('replaces').textContent).toContain('at 10:01:50');
    expect(container.textContent).toContain('As of 10:00:40, 20 s old');
  } finally {
    cleanup();
    clock.learn('Tue, 10 Feb 2026 04:31:00 GMT', NOW + 500, NOW + 500);
  }
});
