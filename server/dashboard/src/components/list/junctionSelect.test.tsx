import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { CityHolidays } from '@/views/schedule/CityHolidays';
import { WatchDialog } from '@/views/watchlist/WatchDialog';
import { JunctionSelect } from './JunctionSelect';

beforeAll(startTexts);

const nothing = () => undefined;

it.each([
  ['junctions to choose from', '/api/junctions/', <JunctionSelect key="a" value={null} onChange={nothing} />],
  ['junctions of the watch list', '/api/junctions/', <WatchDialog key="b" opened onClose={nothing} onDone={nothing} />],
  ['holidays of the city', '/api/holidays/', <CityHolidays key="c" city="Pune" junction="j" holidays={[]} />],
])('why %s cannot be had is said', async (_what, path, shown) => {
  answerWith(({ pathname }) => {
    if (pathname.startsWith(path)) return Response.json({ detail: 'The disk is full' }, { status: 500 });
    return pathname === '/api/users/me' ? { user_id: 'u', is_admin: true } : [];
  });
  render(shown, { wrapper: Page });
  expect((await screen.findByText('The disk is full', {}, { timeout: 10_000 })).lang).toBe('en');
});
