import { describe, expect, it } from 'vitest';
import { type Box, byImportance, type Named, placeNames } from './names';

const FRAME = { left: 0, top: 0, right: 480, bottom: 400 };
const named = (id: string, x: number, y: number, width = 80): Named => ({ id, x, y, width, height: 16 });
const cover = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const sign = ({ x, y }: Named): Box => ({ left: x - 13, top: y - 13, right: x + 13, bottom: y + 13 });

describe('names on the map', () => {
  it('stand below their signs where there is room', () => {
    const places = placeNames([named('Swargate', 100, 100), named('Katraj', 300, 100)], FRAME);
    expect(places.get('Swargate')).toEqual({ left: 60, top: 118, right: 140, bottom: 134 });
    expect(places.get('Katraj')).toEqual({ left: 260, top: 118, right: 340, bottom: 134 });
  });

  it('go beside their signs when another sign stands below', () => {
    const places = placeNames([named('Deccan', 100, 100), named('Nal Stop', 100, 130)], FRAME);
    expect(places.get('Deccan')).toMatchObject({ left: 118 });
    expect(places.get('Nal Stop')).toMatchObject({ top: 148 });
  });

  it('stay in the frame and off what else stands there', () => {
    const edge = placeNames([named('Hadapsar', 470, 200), named('Katraj', 240, 390), named('Gone', 240, 900)], FRAME);
    expect(edge.get('Hadapsar')).toMatchObject({ right: 452 });
    expect(edge.get('Katraj')).toMatchObject({ left: 258 });
    expect(edge.has('Gone')).toBe(false);
    const buttons = { left: 0, top: 0, right: 480, bottom: 150 };
    expect(placeNames([named('Swargate', 100, 100)], FRAME, [buttons]).size).toBe(0);
  });

  it('cover neither signs nor each other in a crowd, and drop out from the end', () => {
    // 60 junctions on a grid of 45 by 38 pixels: more names than there is room.
    const crowd = Array.from({ length: 60 }, (_, at) =>
      named(`J${at}`, 30 + 45 * (at % 10), 40 + 38 * Math.floor(at / 10), 40 + ((at * 37) % 60)),
    );
    const places = placeNames(crowd, FRAME);
    const shown = [...places.values()];
    expect(places.size).toBeGreaterThan(5);
    expect(places.size).toBeLessThan(60);
    expect(shown.filter((place) => crowd.some((other) => cover(place, sign(other))))).toEqual([]);
    expect(shown.filter((place, at) => shown.slice(at + 1).some((other) => cover(place, other)))).toEqual([]);
    // Nobody who comes later takes a place from one before.
    for (const count of [1, 10, 30]) {
      const most = placeNames(
        [...crowd.slice(0, count), ...crowd.slice(count).map((it) => ({ ...it, width: 999 }))],
        FRAME,
      );
      expect([...most]).toEqual([...places].filter(([id]) => Number(id.slice(1)) < count));
    }
  });

  it('of junctions that stand on one place leave the most important one', () => {
    const kinds = { a: 'ok', b: 'offline', c: 'fault', d: 'ok', e: 'manual' } as const;
    const order = byImportance(Object.entries(kinds).map(([id, kind]) => ({ id, kind })));
    expect(order.map(({ id }) => id)).toEqual(['c', 'b', 'e', 'a', 'd']);
    // Wider than what is free to the left and right of the place.
    const places = placeNames(
      order.map(({ id }) => named(id, 240, 390, 300)),
      FRAME,
    );
    expect([...places.keys()]).toEqual(['c']);
  });
});
