import L from 'leaflet';
import { expect, it } from 'vitest';
import { Signs } from './signs';
import type { JunctionState } from './states';

const state = (staleS: number | null, more: Partial<JunctionState> = {}) =>
  ({
    id: 'j',
    name: 'Swargate',
    kind: 'emergency',
    latitude: 0,
    longitude: 0,
    congestion: null,
    staleS,
    ...more,
  }) as JunctionState;

it('a sign says that its junction is silent, and is not drawn anew as that goes on', () => {
  const container = document.createElement('div');
  const signs = new Signs(L.map(container, { center: [0, 0], zoom: 2 }));
  const titleOf = ({ staleS }: JunctionState) => (staleS === null ? 'Emergency' : 'Emergency, silent');
  const show = (next: JunctionState) => signs.show([next], titleOf, () => undefined);
  const button = () => container.querySelector('[aria-label]');
  const sign = () => container.querySelector('[data-kind]');
  show(state(null));
  expect(button()?.getAttribute('aria-label')).toBe('Emergency');
  expect(sign()?.textContent).toBe('E');
  show(state(15));
  expect(button()?.getAttribute('aria-label')).toBe('Emergency, silent');
  expect(sign()?.textContent).toBe('E?');
  const before = sign();
  show(state(20));
  expect(sign()).toBe(before);
  show(state(null));
  expect(sign()?.textContent).toBe('E');
  // Their own signs say so.
  show(state(20, { kind: 'unknown' }));
  expect(sign()?.textContent).toBe('?');
});
