import type { Kind } from './states';

/** A rectangle in the frame of the map, CSS pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A sign in the frame of the map by its centre, and how large the name is that belongs to it, CSS pixels. */
export interface Named {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** From the centre of a sign to its edge, with the ring of a congested junction, CSS pixels. */
const REACH = 18;

/** What matters most is named first. */
const ORDER: readonly Kind[] = ['fault', 'emergency', 'dark', 'offline', 'flash', 'manual', 'own', 'maintenance', 'ok'];

// Lamps that are not known are known again with the next message: the list does not jump for that.
const rank = (kind: Kind) => ORDER.indexOf(kind === 'unknown' ? 'ok' : kind);

/** The order in which names get their places: by what matters, otherwise as they came, so that no name changes its place without a cause. */
export const byImportance = <T extends { kind: Kind }>(all: readonly T[]): T[] =>
  [...all].sort((a, b) => rank(a.kind) - rank(b.kind));

const box = (left: number, top: number, width: number, height: number): Box => ({
  left,
  top,
  right: left + width,
  bottom: top + height,
});

/** What a name that is shifted along its sign keeps beneath or above it, CSS pixels. */
const HOLD = 12;

/** Where a name can stand at its sign, the best first: below, right, left, above; then below and above, shifted to a side. */
const sides = ({ x, y, width, height }: Named): Box[] => {
  const [below, above] = [y + REACH, y - REACH - height];
  return [
    box(x - width / 2, below, width, height),
    box(x + REACH, y - height / 2, width, height),
    box(x - REACH - width, y - height / 2, width, height),
    box(x - width / 2, above, width, height),
    ...[below, above].flatMap((top) => [box(x - HOLD, top, width, height), box(x + HOLD - width, top, width, height)]),
  ];
};

const cover = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const within = (a: Box, frame: Box) =>
  a.left >= frame.left && a.right <= frame.right && a.top >= frame.top && a.bottom <= frame.bottom;

/**
 * The names that can be read together, and where: each within the frame, over no sign, no other name and nothing else that is `taken`.
 * Those that come first choose first; a name without a place is left out, and is in nobody's way.
 */
export function placeNames(all: readonly Named[], frame: Box, taken: readonly Box[] = []): Map<string, Box> {
  const signs = all.map(({ x, y }) => box(x - REACH, y - REACH, 2 * REACH, 2 * REACH));
  const full = [...taken, ...signs];
  const places = new Map<string, Box>();
  for (const named of all) {
    const place = sides(named).find((side) => within(side, frame) && !full.some((other) => cover(side, other)));
    if (!place) continue;
    places.set(named.id, place);
    full.push(place);
  }
  return places;
}
