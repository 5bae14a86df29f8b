import { describe, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { HEAD_WIDTH, headHeight } from '@/components/lamps/Head';
import { CAR_LENGTH, cornerOf, drawingOf, toPicture, turnOf } from './geometry';

type Lane = [name: string, side: string | null];
const layout = (lanes: Lane[], groups: Layout['groups'] = []): Layout =>
  ({
    lanes: lanes.map(([lane_name, direction_enum], index) => ({
      lane_id: lane_name,
      lane_index: index,
      lane_name,
      direction_enum,
    })),
    groups,
    stages: [],
  }) as unknown as Layout;

describe('the drawing', () => {
  it('gives each side its lanes, the first at the kerb, and each lane a head', () => {
    const drawing = drawingOf(
      layout([
        ['N1', 'N'],
        ['N2', 'N'],
        ['E', 'E'],
        ['S', 'S'],
      ]),
    );
    const north = drawing.approaches.find(({ direction }) => direction === 'N');
    expect(north?.lanes.map(({ name, x }) => [name, x])).toEqual([
      ['N1', 45],
      ['N2', 15],
    ]);
    expect(drawing.heads.map(({ group }) => group)).toEqual(['N1', 'N2', 'E', 'S']);
  });

  it('keeps left: who comes from the north is drawn east of the centre line, who comes from the south west of it', () => {
    const { approaches } = drawingOf(
      layout([
        ['N', 'N'],
        ['S', 'S'],
      ]),
    );
    const place = (side: string) => {
      const found = approaches.find(({ direction }) => direction === side);
      return toPicture(found?.bearing ?? 0, found?.lanes[0]?.x ?? 0, -100);
    };
    expect(place('N').x).toBeGreaterThan(0);
    expect(place('N').y).toBeLessThan(0);
    expect(place('S').x).toBeLessThan(0);
    expect(place('S').y).toBeGreaterThan(0);
  });

  it.each([1, 2, 4, 8])('has room between eight sides of %i lanes', (count) => {
    const sides = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'];
    const lanes = sides.flatMap((side) => Array.from({ length: count }, (_, index): Lane => [`${side}${index}`, side]));
    const { approaches, inner } = drawingOf(layout(lanes));
    expect(approaches).toHaveLength(8);
    // Neighbouring roads are 45° apart: at the stop lines their edges must not cross.
    expect(inner * Math.tan(Math.PI / 8)).toBeGreaterThan(count * 30);
  });

  it('places lanes that name no side on sides that are free', () => {
    const { approaches } = drawingOf(
      layout([
        ['a', null],
        ['b', null],
        ['N', 'N'],
      ]),
    );
    expect(approaches.map(({ direction }) => direction).sort()).toEqual(['E', 'N', 'S']);
  });

  it('stands heads of one lane behind each other, and those of pedestrians at the corner', () => {
    const groups = [
      { name: 'main', kind: 'vehicle', lanes: ['N'] },
      { name: 'right', kind: 'arrow', lanes: ['N'], exits: ['W'] },
      { name: 'walk', kind: 'pedestrian', lanes: [] },
    ];
    const { heads } = drawingOf(layout([['N', 'N']], groups));
    expect(heads[0]?.x).toBe(heads[1]?.x);
    expect(heads[0]?.y).toBeGreaterThan((heads[1]?.y ?? 0) + 50);
    expect(heads[1]?.turn).toBe(90);
    expect(heads[2]?.kind).toBe('pedestrian');
  });

  it('gives a group a head on each side that it has lanes on', () => {
    const groups = [
      { name: 'NS', kind: 'vehicle', lanes: ['N1', 'N2', 'S'] },
      { name: 'left', kind: 'arrow', lanes: ['N1', 'S'], exits: ['E'] },
    ];
    const { heads } = drawingOf(
      layout(
        [
          ['N1', 'N'],
          ['N2', 'N'],
          ['S', 'S'],
        ],
        groups,
      ),
    );
    expect(heads.map(({ group, bearing, x, turn }) => [group, bearing, x, turn])).toEqual([
      ['NS', 0, 30, 0],
      ['NS', 180, 15, 0],
      ['left', 0, 45, -90],
      ['left', 180, 15, 90],
    ]);
  });

  it('draws no head on another, none outside the picture, and no waiting car on a head', () => {
    const lanes: Lane[] = ['N', 'S', 'E'].flatMap((side) => [1, 2, 3].map((at): Lane => [`${side}${at}`, side]));
    const group = (name: string, kind: string, ...own: string[]) => ({ name, kind, lanes: own, exits: ['E'] });
    for (const groups of [
      [
        group('through', 'vehicle', 'N1', 'N2'),
        group('right', 'arrow', 'N2'),
        group('left', 'arrow', 'N1'),
        group('bus', 'vehicle', 'N2', 'N3'),
      ],
      ['a', 'b', 'c', 'd', 'e'].map((name) => group(name, 'arrow', 'S2')),
      [
        group('all', 'vehicle', ...lanes.map(([name]) => name)),
        group('walk', 'pedestrian', 'E1'),
        ...lanes.map(([name]) => group(name, 'vehicle', name)),
      ],
    ]) {
      const { heads, approaches, inner, outer } = drawingOf(layout(lanes, groups));
      for (const [at, one] of heads.entries()) {
        const place = toPicture(one.bearing, one.x, one.y);
        const half = headHeight(one.kind) / 2;
        expect(Math.max(Math.abs(place.x), Math.abs(place.y)) + half).toBeLessThan(outer);
        for (const other of heads.slice(at + 1)) {
          const { x, y } = toPicture(other.bearing, other.x, other.y);
          const apart =
            Math.abs(place.x - x) >= HEAD_WIDTH || Math.abs(place.y - y) >= half + headHeight(other.kind) / 2;
          expect(apart, `${one.group} and ${other.group}`).toBe(true);
        }
        for (const { bearing, lanes: own } of approaches)
          for (const lane of own) {
            // Of a road from north or south, along which a head is as high as in the picture.
            if (bearing % 180 !== 0 || bearing !== one.bearing || Math.abs(lane.x - one.x) >= HEAD_WIDTH / 2) continue;
            expect(-inner - lane.cars + CAR_LENGTH).toBeLessThan(one.y - half);
          }
      }
    }
  });

  it('draws no head of pedestrians on another', () => {
    const walk = (name: string, lanes: string[]) => ({ name, kind: 'pedestrian', lanes });
    const groups = [
      walk('first', ['N']),
      walk('second', ['N']),
      walk('both', ['N', 'S']),
      ...['a', 'b', 'c', 'd', 'e'].map((name) => walk(name, [])),
    ];
    const lanes: Lane[] = [
      ['N', 'N'],
      ['S', 'S'],
    ];
    const { heads } = drawingOf(layout(lanes, groups));
    expect(heads).toHaveLength(9);
    for (const [at, one] of heads.entries())
      for (const other of heads.slice(at + 1)) {
        if (one.bearing !== other.bearing) continue;
        expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThanOrEqual(40);
      }
  });

  it('turns arrows by where the movement leads', () => {
    expect([
      turnOf('N', 'S'),
      turnOf('N', 'E'),
      turnOf('N', 'W'),
      turnOf('W', 'N'),
      turnOf('N', 'N'),
      turnOf('N', undefined),
    ]).toEqual([0, -90, 90, -90, 180, 0]);
  });

  it('rounds corners around the point where the kerbs meet', () => {
    const corner = cornerOf({ bearing: 0, half: 30 }, { bearing: 90, half: 60 });
    expect(corner?.x).toBeCloseTo(30);
    expect(corner?.y).toBeCloseTo(-60);
    expect(cornerOf({ bearing: 0, half: 30 }, { bearing: 180, half: 30 })).toBeNull();
    expect(cornerOf({ bearing: 0, half: 30 }, { bearing: 270, half: 30 })).toBeNull();
  });
});
