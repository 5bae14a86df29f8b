/** Colours of series, told apart also by people who see red and green alike; by scheme, because the ground differs. */
const LIGHT = ['#2a5db0', '#c2571a', '#0d8274', '#8a3ffc', '#b0215f', '#5f6b14', '#0077a8', '#7a4b2a'];
const DARK = ['#7fabff', '#ff9d5c', '#3fd0bd', '#c3a1ff', '#ff82b2', '#c3cf5a', '#5cc4f0', '#d9a77f'];

export type Scheme = 'light' | 'dark';

/** What pictures stand on: the surface of cards, in saved ones as well. */
export const GROUND: Record<Scheme, string> = { light: '#ffffff', dark: '#191d25' };

/** Colour of the series at a place. */
export function seriesColour(index: number, scheme: Scheme): string {
  const colours = scheme === 'dark' ? DARK : LIGHT;
  return colours[index % colours.length] ?? '#888888';
}

const DASHES = [undefined, [7, 4], [2, 3], [9, 3, 2, 3]];

/** Dashes of the series at a place: the first is solid, and no colour comes again with the same ones, so that colour alone says nothing. */
export const seriesDash = (index: number): number[] | undefined =>
  DASHES[(index + Math.floor(index / LIGHT.length)) % DASHES.length];

/** Lines of a tile of 8 × 8, as the `d` of an SVG path: what a filled series shows upon its colour. The first is plain. */
const TEXTURES = [
  '',
  'M-2 10L10 -2M-2 2L2 -2M6 10L10 6',
  'M2 2h.1M6 6h.1',
  'M0 4H8',
  'M-2 -2L10 10M6 -2L10 2M-2 6L2 10',
  'M4 0V8',
  'M0 0L8 8M8 0L0 8',
  'M0 4H8M4 0V8',
] as const;

/** Side of a tile of a texture, CSS pixels. */
export const TILE = 8;

/** Texture of the filled series at a place, by which it is told apart where colours are not; no colour comes again with the same one. */
export const seriesTexture = (index: number): string =>
  TEXTURES[(index + Math.floor(index / LIGHT.length)) % TEXTURES.length] ?? '';

const channel = (hex: string, at: number) => Number.parseInt(hex.slice(at, at + 2), 16);

/** A colour between two, `share` of the way from `low` to `high` (0 to 1). */
export function between(low: string, high: string, share: number): string {
  const part = (at: number) => Math.round(channel(low, at) + (channel(high, at) - channel(low, at)) * share);
  return `#${[1, 3, 5].map((at) => part(at).toString(16).padStart(2, '0')).join('')}`;
}

/** Areas and bars are large: their colours are softer than those of lines. */
export const soft = (colour: string, scheme: Scheme): string => between(colour, GROUND[scheme], 0.28);

/** The colour of text that can be read on a ground: relative luminance of WCAG 2.2. */
export function textOn(ground: string): string {
  const linear = (at: number) => {
    const value = channel(ground, at) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5);
  return luminance > 0.179 ? '#10141c' : '#ffffff';
}

/** Steps from few to many. */
export const heat = (share: number, scheme: Scheme): string =>
  scheme === 'dark' ? between('#1c2739', '#ffb454', share) : between('#edf3fb', '#1b449c', share);
