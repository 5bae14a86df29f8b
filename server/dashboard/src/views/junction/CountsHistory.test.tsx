import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import type { Layout } from '@/api/types';
import type { PlotBand } from '@/components/plot/series';
import { startTexts } from '@/i18n';
import { Format } from '@/i18n/format';
import { answerWith, Page } from '@/testing/page';
import { HistoryCard } from './HistoryCard';

const drawn: { bands?: PlotBand[] }[] = [];
vi.mock('@/components/plot/Plot', () => ({
  Plot: (props: { bands?: PlotBand[] }) => {
    drawn.push(props);
    return null;
  },
}));

beforeAll(startTexts);

it('the counts of the last day say when a lane was not watched, and have their numbers in a table', async () => {
  const bucket = (hour: number, vehicle_count: number | null, observed_s: number | null) => ({
    start: `2026-02-10T0${hour}:00:00+05:30`,
    end: `2026-02-10T0${hour}:15:00+05:30`,
    seconds: 900,
    lanes: [{ lane_id: 'n', vehicle_count, observed_s }],
  });
  answerWith(({ pathname }) =>
    pathname.endsWith('/counts')
      ? [bucket(5, 1, 10), bucket(4, 17, 900), bucket(3, 4, 450), bucket(2, null, null)]
      : undefined,
  );
  const layout = {
    junction_id: 'j',
    junction_name: 'Swargate',
    lanes: [{ lane_id: 'n', lane_index: 0, lane_name: 'N' }],
  };
  const format = new Format('en-IN', String as never);
  render(<HistoryCard layout={layout as unknown as Layout} format={format} />, { wrapper: Page });
  const numbers = await screen.findByText('Show the numbers', {}, { timeout: 10_000 });
  // The picture is part of the history: a level below its title, and no place of its own to go to.
  expect(screen.getByRole('heading', { level: 3, name: /^Tagged vehicles of each lane/ })).toBeDefined();
  expect(screen.getAllByRole('region').map((region) => region.querySelector('h2')?.textContent)).toEqual(['History']);
  fireEvent.click(numbers);
  expect(drawn.at(-1)?.bands?.map(({ kind }) => kind)).toEqual(['unwatched', 'part']);
  const rows = [...document.querySelectorAll('tbody tr')].map((row) =>
    [...row.querySelectorAll('td, th')].map(({ textContent }) => textContent),
  );
  expect(rows.map((row) => row.slice(0, 2))).toEqual([
    ['2026-02-10 02:00', expect.any(String)],
    ['2026-02-10 03:00', '4'],
    ['2026-02-10 04:00', '17'],
  ]);
});
