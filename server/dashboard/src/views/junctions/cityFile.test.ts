import { expect, it } from 'vitest';
import { readCityFile } from './cityFile';

it('a junction file tells what it creates and replaces; anything else is none', () => {
  const file = {
    junctions: [
      { junction_id: 'a', junction_name: 'A' },
      { junction_id: 'b', junction_name: 'B' },
    ],
    links: [{}],
  };
  expect(readCityFile(JSON.stringify(file), new Set(['b', 'c']))).toEqual({
    file,
    created: ['A'],
    replaced: ['B'],
    links: 1,
  });
  for (const text of ['', 'null', '[]', '{"junctions": {}}']) expect(readCityFile(text, new Set())).toBeNull();
});
