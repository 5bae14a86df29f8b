import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, expect, it, vi } from 'vitest';
import { ProblemError } from '@/api/problem';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { answerWith, Page } from '@/testing/page';
import { LaneTable } from './LaneTable';
import { usePresent } from './useJunction';

beforeAll(startTexts);

const layout = { junction_id: 'j', lanes: [], groups: [], stages: [] } as unknown as Layout;

it('why queues or counts could not be fetched is said, and they can be asked for again', () => {
  const query = (data: unknown, sentence?: string) => ({
    data,
    error: sentence ? new ProblemError(500, sentence) : null,
    refetch: vi.fn(),
  });
  const table = (cycles: object, recent: object) => {
    const present = { signal: null, staleS: null, counts: new Map(), present: new Map(), recent };
    return <LaneTable layout={layout} present={present as never} plan={undefined} cycles={cycles as never} />;
  };
  const failing = [query(undefined, 'No cycles today'), query(undefined, 'No counts today')] as const;
  const { rerender } = render(table(...failing), { wrapper: Page });
  expect(screen.getByText('No cycles today')).toBeDefined();
  fireEvent.click(screen.getByText('Try again'));
  expect(failing[0].refetch).toHaveBeenCalledTimes(1);
  rerender(table(query({ rows: [] }), failing[1]));
  expect(screen.getByText('No counts today')).toBeDefined();
  rerender(table(query({ rows: [] }), query([])));
  expect(screen.queryByText('Try again')).toBeNull();
});

it.each([
  ['is shown while a device is there and the lamps are told', { online: true }, 2, '7'],
  ['is not known once every device is gone', { online: false }, 2, '–'],
  ['is not known once the lamps are told no more', { online: true }, 30, '–'],
])('the queue of a cycle of late %s', async (what, { online }, age_s, queue) => {
  const id = what;
  const at = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const lamps = { t: at(age_s), since: at(age_s), state: 'green', stage: 'N', groups: {}, plan_id: null };
  answerWith(({ pathname }) => {
    if (pathname.endsWith('/devices'))
      return [{ device_id: 'd', online, last_heartbeat: at(5), last_status: { device_id: 'd', online: true } }];
    if (pathname.endsWith('/signal')) return { age_s, signal: { ...lamps, mode: 'automatic', cycle_second: 1 } };
    return [];
  });
  const lane = { lane_id: 'l', lane_name: 'N', lane_index: 0 };
  const cycle = { cycle_start_time: at(120), cycle_end_time: at(60), lanes: [{ lane_id: 'l', queue_start: 7 }] };
  const Shown = () => {
    const present = usePresent(id);
    if (!present.signal || present.told.length === 0) return null;
    const cycles = { data: { rows: [cycle] }, error: null };
    return (
      <LaneTable
        layout={{ ...layout, junction_id: id, lanes: [lane] }}
        present={present}
        plan={undefined}
        cycles={cycles as never}
      />
    );
  };
  render(<Shown />, { wrapper: Page });
  const heads = (await screen.findAllByRole('columnheader')).map(({ textContent }) => textContent);
  const cell = screen.getAllByRole('cell')[heads.indexOf('Queue at green')];
  expect(cell?.textContent).toBe(queue);
});
