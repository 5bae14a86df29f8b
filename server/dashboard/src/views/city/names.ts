/** Where a name stands on the map, CSS pixels. */
export interface NamePlace {
  id: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The names that can be read together: each that covers none of those before it, and no sign of another junction. */
export function legible(places: readonly NamePlace[], signs: readonly NamePlace[]): Set<string> {
  const shown: NamePlace[] = [];
  for (const place of places) {
    const covers = ({ id, left, top, right, bottom }: NamePlace) =>
      id !== place.id && place.left < right && left < place.right && place.top < bottom && top < place.bottom;
    if (!shown.some(covers) && !signs.some(covers)) shown.push(place);
  }
  return new Set(shown.map(({ id }) => id));
}
