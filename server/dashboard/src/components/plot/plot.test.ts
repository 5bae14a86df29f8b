import { describe, expect, it } from 'vitest';
import { distances, placeAt, steps, stepTimes } from './draw';
import { csvOf, fileName, fileOf } from '@/components/files';
import { between, seriesColour, seriesTexture, textOn } from './palette';
import { inRows, wrapped } from './picture';
import { joined, stacked } from './series';

describe('a file of numbers', () => {
  it('quotes what needs it, leaves out what is not known, and holds no formula', () => {
    const text = csvOf(
      ['time', 'N, left'],
      [
        ['=cmd()', null],
        ['a "b"', 1.5],
      ],
    );
    expect(text).toBe('time,"N, left"\r\n\'=cmd(),\r\n"a ""b""",1.5\r\n');
  });

  it('tells spreadsheets that it is UTF-8, also one that the server wrote, which other files need not', async () => {
    const bytes = (content: Blob | string, type: string) =>
      new Promise<number[]>((done) => {
        const reader = new FileReader();
        reader.onload = () => done([...new Uint8Array(reader.result as ArrayBuffer)]);
        reader.readAsArrayBuffer(fileOf(content, type));
      });
    const own = [...new TextEncoder().encode('समय\r\n')];
    expect(await bytes('समय\r\n', 'text/csv')).toEqual([0xef, 0xbb, 0xbf, ...own]);
    expect(await bytes(new Blob(['समय\r\n']), 'text/csv')).toEqual([0xef, 0xbb, 0xbf, ...own]);
    expect(await bytes('a', 'application/toml')).toEqual([97]);
  });

  it('has a name that every file system takes', () => {
    expect(fileName('Vehicles in each 15 min', 'शिवाजी चौक', 'a/b: c')).toBe(
      'Vehicles-in-each-15-min_शिवाजी-चौक_a-b-c',
    );
  });
});

it('lines of the axis have names that differ as they are written', () => {
  for (const decimals of [0, 1, 2]) {
    const names = distances(decimals).map((distance) => distance.toFixed(decimals));
    expect(new Set(names).size).toBe(names.length);
    expect(distances(decimals).map(Number)).toEqual(names.map(Number));
  }
});

describe('series', () => {
  it('are stacked; a time at which none is known stays unknown', () => {
    expect(
      stacked([
        [1, null, null],
        [2, 3, null],
      ]),
    ).toEqual([
      [1, 0, null],
      [3, 3, null],
    ]);
  });

  it('in steps keep their width before a gap and at the end', () => {
    expect(steps([0, 10, 20], [4, null, null])).toEqual([4, 4, null, null]);
    expect(stepTimes([0, 10, 20])).toEqual([0, 9.999, 10, 19.999]);
  });

  it('are read out by the interval in which the pointer is', () => {
    expect([-1, 0, 9.9, 10, 25].map((moment) => placeAt([0, 10, 20], moment))).toEqual([null, 0, 0, 1, 2]);
  });
});

describe('what stands around a picture', () => {
  it('is broken between words where a line is too narrow, and loses none', () => {
    const fits = (line: string) => line.length <= 12;
    expect(wrapped('Nal Stop · All lanes · 2026-11-30', fits)).toEqual(['Nal Stop ·', 'All lanes ·', '2026-11-30']);
    expect(wrapped('Indefinitely-long word', fits)).toEqual(['Indefinitely-long', 'word']);
    expect(wrapped('short', fits)).toEqual(['short']);
  });

  it('has a legend in as many rows as it needs', () => {
    expect(inRows([40, 50, 30, 200, 10], 100)).toEqual([
      { left: 0, row: 0 },
      { left: 40, row: 0 },
      { left: 0, row: 1 },
      { left: 0, row: 2 },
      { left: 0, row: 3 },
    ]);
  });
});

it('markings that touch are one, unless they are of two kinds', () => {
  const bands = [
    { from: 0, to: 5, kind: 'part' as const },
    { from: 5, to: 9, kind: 'part' as const },
    { from: 9, to: 12, kind: 'unwatched' as const },
    { from: 20, to: 21, kind: 'unwatched' as const },
  ];
  expect(joined(bands).map(({ from, to }) => [from, to])).toEqual([
    [0, 9],
    [9, 12],
    [20, 21],
  ]);
});

it('text can be read on its ground', () => {
  expect(between('#000000', '#ffffff', 0.5)).toBe('#808080');
  expect(textOn('#ffffff')).toBe('#10141c');
  expect(textOn('#1b449c')).toBe('#ffffff');
});

it('filled series are told apart without their colours, and where those come again by them and their textures', () => {
  const first = Array.from({ length: 8 }, (_, at) => seriesTexture(at));
  expect(new Set(first).size).toBe(8);
  for (const scheme of ['light', 'dark'] as const) {
    const all = Array.from({ length: 64 }, (_, at) => `${seriesColour(at, scheme)} ${seriesTexture(at)}`);
    expect(new Set(all).size).toBe(64);
  }
});
