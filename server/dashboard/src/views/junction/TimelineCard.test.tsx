import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import type { SignalFrame } from '@/live/frames';
import { Page } from '@/testing/page';
import { TimelineCard } from './TimelineCard';

beforeAll(startTexts);

const signal = (change: Partial<SignalFrame>) => {
  const since = new Date(Date.now() - 12_000).toISOString();
  const frame: SignalFrame = {
    type: 'signal',
    junction_id: 'j',
    t: new Date().toISOString(),
    since,
    stage: 'N',
    state: 'green',
    groups: {},
    plan_id: 'p',
    mode: 'automatic',
    cycle_second: 12,
    ...change,
  };
  return { frame, at: Date.now() };
};
const drawn = (change: Partial<SignalFrame>, plan: Parameters<typeof TimelineCard>[0]['plan']) =>
  render(<TimelineCard signal={signal(change)} awaited={false} plan={plan} stale={false} control="agent" />, {
    wrapper: Page,
  });

it('of a green that no plan of the server sets nothing is said to be left', () => {
  drawn({ plan_id: null }, []);
  expect(screen.getByTestId('timeline').textContent).toBe('Stage Ngreen for 12 s');
  expect(screen.queryByTestId('countdown')).toBeNull();
});

it('what is left is said by the plan that runs', () => {
  drawn({}, [{ stage: 'N', green_s: 20 }]);
  expect(screen.getByTestId('countdown').textContent).toBe('8 s left');
});

it('the green of an emergency lasts until that ends', () => {
  drawn({ mode: 'emergency' }, [{ stage: 'N', green_s: 0 }]);
  expect(screen.getByTestId('countdown').textContent).toBe('until it ends');
});

it('lamps that clear are told without a plan too', () => {
  drawn({ plan_id: null, state: 'amber', next_stage: 'S' }, []);
  expect(screen.getByTestId('countdown').textContent).toMatch(/, then stage S$/);
});

it('of a junction that has told no lamps yet the card is not empty', () => {
  const card = (awaited: boolean) => (
    <TimelineCard signal={null} awaited={awaited} plan={[]} stale={false} control={undefined} />
  );
  const { rerender } = render(card(true), { wrapper: Page });
  expect(screen.queryByText(/^Nobody knows which stage runs/)).toBeNull();
  rerender(card(false));
  expect(screen.getByText(/^Nobody knows which stage runs/)).toBeDefined();
});
