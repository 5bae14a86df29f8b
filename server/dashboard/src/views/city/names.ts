/** Where a name stands on the map, CSS pixels. */
export interface NamePlace {
  id: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The names that can be read together: each that covers none of those before it. */
export function legible(places: readonly NamePlace[]): Set<string> {
  const shown: NamePlace[] = [];
  for (const place of places) {
    const covers = ({ left, top, right, bottom }: NamePlace) =>
      place.left < right && left < place.right && place.top < bottom && top < place.bottom;
    if (!shown.some(covers)) shown.push(place);
  }
  return new Set(shown.map(({ id }) => id));
}
