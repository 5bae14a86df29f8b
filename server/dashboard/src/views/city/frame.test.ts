import type L from 'leaflet';
import { expect, it, vi } from 'vitest';
import { Frame } from './frame';

const place = (id: string) => ({ id, latitude: 18.5, longitude: 73.8 });

it('the map shows what is shown, and stays where somebody has moved it until he chooses others', () => {
  let moved: () => unknown = () => undefined;
  const fitBounds = vi.fn();
  const map = {
    on: (_: string, listener: () => unknown) => void (moved = listener),
    getSize: () => ({ x: 400, y: 300 }),
    invalidateSize: () => undefined,
    fitBounds,
  };
  const frame = new Frame(map as unknown as L.Map);
  const fitsAt = (ids: string[], chosen: string) => {
    fitBounds.mockClear();
    frame.show(ids.map(place), chosen);
    return fitBounds.mock.calls.length;
  };
  expect(fitsAt(['a', 'b'], 'all')).toBe(1);
  expect(fitsAt(['a', 'b'], 'all')).toBe(0);
  expect(fitsAt(['a'], 'all')).toBe(1);
  moved();
  // One of the filter comes or goes by itself.
  expect(fitsAt(['a', 'c'], 'all')).toBe(0);
  expect(fitsAt([], 'offline')).toBe(0);
  expect(fitsAt(['c'], 'offline')).toBe(1);
  expect(fitsAt(['c', 'd'], 'offline')).toBe(1);
});
