import { render, screen } from '@testing-library/react';
import { beforeAll, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { JunctionTable } from './JunctionTable';
import type { Congestion, JunctionState, Kind } from './states';

beforeAll(startTexts);

const state = (name: string, kind: Kind, congestion: Congestion | null = null) =>
  ({
    id: name,
    name,
    city: 'Pune',
    kind,
    congestion,
    queue: congestion ? 3 : null,
    vehicles: 0,
    alarms: 0,
    staleS: null,
  }) as JunctionState;

it('the list begins with what needs somebody, and tells queues without their colours', () => {
  const states = [state('A', 'ok', 'low'), state('B', 'ok', 'mid'), state('C', 'manual', 'high'), state('D', 'fault')];
  render(<JunctionTable states={states} />, { wrapper: Page });
  const rows = screen.getAllByTestId('junction-row');
  expect(rows.map((row) => row.querySelector('a')?.textContent)).toEqual(['D', 'C', 'A', 'B']);
  expect(rows.map((row) => /›+/.exec(row.textContent)?.[0] ?? '')).toEqual(['', '›››', '›', '››']);
});

it('the age of what is old stands with the state where the column of the signal has no room', () => {
  render(<JunctionTable states={[{ ...state('A', 'emergency'), staleS: 20 }]} />, { wrapper: Page });
  const below = screen.getByTestId('stale-below');
  expect(below.textContent).toBe('Last heard 20 s ago');
  expect(below.closest('td')?.textContent).toContain('Emergency');
  expect(below.className).toContain('hidden-from-xs');
});

it('how bad the worst alarm of a junction is stands in a sign and a word beside its colour', () => {
  const severities = ['critical', 'error', 'warning', 'info', 'of a newer server'];
  const states = severities.map((severity) => ({ ...state(severity, 'ok'), alarms: 2, severity }));
  render(<JunctionTable states={states} />, { wrapper: Page });
  const told = severities.map((name) => screen.getByText(name).closest('tr')?.lastElementChild?.textContent);
  expect(told).toEqual(['2 !!! Critical', '2 !! Error', '2 ! Warning', '2 i Info', '2']);
});
