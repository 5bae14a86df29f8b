import { act, render } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { useLayout } from '@/api/junctions';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { SessionsCard } from '@/views/account/SessionsCard';
import { CityHolidays } from '@/views/schedule/CityHolidays';

beforeAll(startTexts);

function Lanes() {
  return <>{useLayout('j').data?.junction_name}</>;
}

it.each([
  ['lanes and stages', <Lanes key="a" />, '/api/junctions/j/layout'],
  ['holidays of the city', <CityHolidays key="b" city="Pune" junction="j" holidays={[]} />, '/api/holidays/Pune'],
  ['own sessions', <SessionsCard key="c" />, '/api/users/me/sessions'],
])('%s that are left open are fetched each minute', async (_what, shown, path) => {
  vi.useFakeTimers();
  let asked = 0;
  answerWith(({ pathname }) => {
    if (pathname === path) asked += 1;
    if (pathname === '/api/users/me') return { user_id: 'u', is_admin: true };
    return pathname === path && !path.endsWith('sessions') ? { holidays: [] } : [];
  });
  render(shown, { wrapper: Page });
  const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  await passes(1000);
  expect(asked).toBe(1);
  await passes(61_000);
  expect(asked).toBe(2);
});
