import { render } from '@testing-library/react';
import { createElement } from 'react';
import { beforeAll, describe, expect, it } from 'vitest';
import { startTexts } from '@/i18n';
import type { Aspect } from '@/live/frames';
import { AspectToken } from './AspectToken';
import { Head, type HeadKind } from './Head';

/** What each aspect says without its colour, and of a head the places of the lamps that say so, from the top. */
const SAID: Record<Aspect | 'of_a_newer_server', { letters: string; places: number[]; word: string; token: string }> = {
  green: { letters: 'G', places: [2], word: 'green', token: 'G' },
  amber: { letters: 'A', places: [1], word: 'amber', token: 'A' },
  red: { letters: 'R', places: [0], word: 'red', token: 'R' },
  red_amber: { letters: 'RA', places: [0, 1], word: 'red and amber', token: 'RA' },
  flash_red: { letters: 'R', places: [0], word: 'flashing red', token: 'R' },
  flash_amber: { letters: 'A', places: [1], word: 'flashing amber', token: 'A' },
  dark: { letters: '', places: [], word: 'dark', token: '–' },
  of_a_newer_server: { letters: '?', places: [], word: 'not known', token: '?' },
};
const CASES = Object.entries(SAID) as [Aspect, (typeof SAID)[Aspect]][];

const drawn = (aspect: Aspect, kind: HeadKind, turn?: number) =>
  render(createElement('svg', {}, <Head aspect={aspect} kind={kind} {...(turn === undefined ? {} : { turn })} />))
    .container;

/** Each lamp of a head from the top, with its sign alone. */
const lamps = (head: HTMLElement) => [...head.querySelectorAll('svg > g > g')];
const places = (head: HTMLElement, sign: string) =>
  lamps(head).flatMap((lamp, place) => (lamp.querySelector(sign) ? [place] : []));

describe('without colours', () => {
  beforeAll(startTexts);

  it.each(CASES)('a head says by letter and place what is lit: %s', (aspect, { letters, places: where }) => {
    const head = drawn(aspect, 'vehicle');
    expect(head.textContent).toBe(letters);
    expect(places(head, 'text')).toEqual(where);
  });

  it.each(CASES)('an arrow stands in each lamp that is lit, turned as it points: %s', (aspect, { places: where }) => {
    const head = drawn(aspect, 'arrow', 90);
    expect(places(head, 'path[transform="rotate(90)"]')).toEqual(where);
    expect(places(head, 'path')).toEqual(where);
  });

  it('a person stands in the upper lamp and walks in the lower one', () => {
    const [red, green] = [drawn('red', 'pedestrian'), drawn('green', 'pedestrian')];
    expect([places(red, 'path'), places(green, 'path')]).toEqual([[0], [1]]);
    const person = (head: HTMLElement) => head.querySelector('path')?.getAttribute('d') ?? '';
    // Legs apart are those that walk.
    expect(person(red)).not.toContain('L');
    expect(person(green)).toMatch(/L-\d.* L\d/);
    expect(places(drawn('dark', 'pedestrian'), 'path')).toEqual([]);
  });

  it.each(CASES)('a token has the letters, and the word for who hears it: %s', (aspect, { word, token }) => {
    const { getByRole, getByTitle } = render(<AspectToken aspect={aspect} name="N" />);
    expect(getByRole('img', { name: word }).textContent).toBe(token);
    expect(getByTitle(`N: ${word}`).textContent).toBe(`N${token}`);
  });

  it('what flashes is marked, and nothing else is', () => {
    const marked = ([aspect]: (typeof CASES)[number]) =>
      drawn(aspect, 'vehicle').querySelector('.flashing, [class*="flashing"]');
    expect(CASES.filter((one) => marked(one)).map(([aspect]) => aspect)).toEqual(['flash_red', 'flash_amber']);
  });

  it('what flashes is told from what is steady where nothing moves', () => {
    const rings = (aspect: Aspect, kind: HeadKind) => places(drawn(aspect, kind), '[data-testid=flashes]');
    expect([rings('flash_red', 'vehicle'), rings('flash_amber', 'arrow'), rings('red', 'vehicle')]).toEqual([
      [0],
      [1],
      [],
    ]);
    // It does not come and go with the lamp.
    expect(drawn('flash_red', 'vehicle').querySelector('[class*="flashing"] [data-testid=flashes]')).toBeNull();
  });
});
