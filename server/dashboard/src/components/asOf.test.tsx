import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter, Route, Routes } from 'react-router';
import { beforeAll, expect, it, vi } from 'vitest';
import { overviewOptions } from '@/api/junctions';
import { startTexts } from '@/i18n';
import { AsOf } from './AsOf';

beforeAll(startTexts);

it.each([
  ['/junctions/birgunj', '10:15:00'],
  ['/analysis?junction=birgunj', '10:15:00'],
  ['/junctions/pune', '10:00:00'],
  ['/alarms', '10:00:00'],
])('at %s the time of what is old is %s, in the zone of the junction that the page is about', (address, time) => {
  vi.useFakeTimers({ now: Date.parse('2026-02-10T04:31:00Z'), toFake: ['Date'] });
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.setQueryData(overviewOptions.queryKey, [
    { junction_id: 'pune', time_zone: 'Asia/Kolkata' },
    { junction_id: 'thane', time_zone: 'Asia/Kolkata' },
    { junction_id: 'birgunj', time_zone: 'Asia/Kathmandu' },
  ] as never);
  const query = { data: [], error: new Error('away'), dataUpdatedAt: Date.parse('2026-02-10T04:30:00Z') };
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <MemoryRouter initialEntries={[address]}>
          <Routes>
            <Route path="/junctions/:junctionId" element={<AsOf query={query} />} />
            <Route path="*" element={<AsOf query={query} />} />
          </Routes>
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
  expect(screen.getByTestId('as-of').textContent).toContain(`As of ${time}, 1 min old`);
});
