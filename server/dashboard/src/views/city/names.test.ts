import { expect, it } from 'vitest';
import { legible } from './names';

const name = (id: string, left: number, top: number) => ({ id, left, top, right: left + 80, bottom: top + 16 });

it('of names that cover each other the first stays; those that only touch both stay', () => {
  const places = [name('Swargate', 0, 0), name('Pulgate', 60, 10), name('Katraj', 80, 0), name('Baner', 60, 16)];
  expect([...legible(places)]).toEqual(['Swargate', 'Katraj', 'Baner']);
  expect([...legible([])]).toEqual([]);
});

it('a name that is not shown covers none', () => {
  expect([...legible([name('a', 0, 0), name('b', 40, 0), name('c', 100, 0)])]).toEqual(['a', 'c']);
});
