import type { Layout } from '@/api/types';
import { HEAD_WIDTH, headHeight } from '@/components/lamps/Head';

/** Degrees clockwise from north of the side that vehicles come from. */
export const BEARING = { N: 0, NE: 45, E: 90, SE: 135, S: 180, SW: 225, W: 270, NW: 315 } as const;
export type Direction = keyof typeof BEARING;

export const LANE_WIDTH = 30;
/** From the stop line to the outer end of an approach with one row of heads. */
const APPROACH_LENGTH = 176;
/** From the stop line to the middle of its first head; from the corner to that of pedestrians. */
const FIRST_HEAD = 40;
const FIRST_WALKER = 4;
/** From the stop line to the first car that waits where one head stands before it, and from there to the outer end, which is room for five. */
const FIRST_CAR = 90;
const CARS = 110;
export const CAR_WIDTH = 14;
export const CAR_LENGTH = 11;
/** Between heads beside each other. */
const GAP = 4;
/** Free space between the corner of two roads and their stop lines. */
const MARGIN = 26;

export interface PlacedLane {
  id: string;
  name: string;
  /** Middle of the lane, to the left of an approaching driver's centre line: traffic keeps left. */
  x: number;
  /** From the stop line to the first car that waits, behind all heads that stand on the lane. */
  cars: number;
}

/** The road on one side of the junction, in a frame where vehicles come from above: y grows towards the junction, x to the right. */
export interface Approach {
  direction: Direction;
  bearing: number;
  lanes: PlacedLane[];
  /** Half of the road's width. */
  half: number;
}

/** A signal head, in the frame of its approach. */
export interface PlacedHead {
  group: string;
  kind: 'vehicle' | 'arrow' | 'pedestrian';
  bearing: number;
  x: number;
  y: number;
  turn: number;
}

export interface Drawing {
  approaches: Approach[];
  heads: PlacedHead[];
  /** From the middle to the stop lines. */
  inner: number;
  /** From the stop lines to the outer ends of the approaches. */
  length: number;
  /** Half of the side of the whole picture. */
  outer: number;
}

const isDirection = (text: string | null | undefined): text is Direction =>
  text != null && Object.hasOwn(BEARING, text);

/** The sides, lanes without one spread over those that nobody has. */
function sidesOf(lanes: Layout['lanes']): Map<Direction, Layout['lanes']> {
  const taken = new Set(lanes.map((lane) => lane.direction_enum).filter(isDirection));
  const order: Direction[] = ['N', 'S', 'E', 'W', 'NE', 'SW', 'SE', 'NW'];
  const free = order.filter((side) => !taken.has(side));
  const sides = new Map<Direction, Layout['lanes']>();
  let next = 0;
  for (const lane of [...lanes].sort((a, b) => a.lane_index - b.lane_index)) {
    const side = isDirection(lane.direction_enum) ? lane.direction_enum : (free[next++ % free.length] ?? 'N');
    sides.set(side, [...(sides.get(side) ?? []), lane]);
  }
  return sides;
}

/** Middle to stop line, so that neither neighbouring roads nor their heads touch. */
function innerOf(approaches: Approach[]): number {
  const sorted = [...approaches].sort((a, b) => a.bearing - b.bearing);
  let inner = 44;
  sorted.forEach((one, index) => {
    const other = sorted[(index + 1) % sorted.length];
    if (!other || other === one) return;
    const gap = ((other.bearing - one.bearing + 360) % 360) * (Math.PI / 180);
    // Where the near edges of two roads meet; opposite roads never do.
    if (gap < Math.PI - 0.01) inner = Math.max(inner, (other.half + one.half * Math.cos(gap)) / Math.sin(gap));
    if (gap < Math.PI - 0.01) inner = Math.max(inner, (one.half + other.half * Math.cos(gap)) / Math.sin(gap));
  });
  return inner + MARGIN;
}

/** Degrees by which a movement turns, from the exit that a group names; straight ahead when it names none. */
export function turnOf(from: Direction, exit: string | undefined): number {
  if (!isDirection(exit)) return 0;
  const heading = (BEARING[from] + 180) % 360;
  const turn = (BEARING[exit] - heading + 360) % 360;
  return turn > 180 ? turn - 360 : turn;
}

/** Groups as the layout has them; a junction without any has one for each lane. */
export function groupsOf(layout: Layout) {
  const own = layout.groups ?? [];
  if (own.length > 0) return own.map((group) => ({ kind: 'vehicle', exits: [], lanes: [], ...group }));
  return layout.lanes.map((lane) => ({
    name: lane.lane_name,
    kind: 'vehicle',
    exits: [] as string[],
    lanes: [lane.lane_id],
  }));
}

/** Where lanes and heads of a junction are drawn; from its layout only. */
export function drawingOf(layout: Layout): Drawing {
  const approaches = [...sidesOf(layout.lanes)].map(([direction, lanes]): Approach => {
    // The first lane is the kerb lane; coming from above, the kerb of left-hand traffic is on the right of the picture.
    const placed = lanes.map((lane, index) => ({
      id: lane.lane_id,
      name: lane.lane_name,
      x: (lanes.length - index - 0.5) * LANE_WIDTH,
      cars: FIRST_CAR,
    }));
    return { direction, bearing: BEARING[direction], lanes: placed, half: lanes.length * LANE_WIDTH };
  });
  const inner = innerOf(approaches);
  const heads: PlacedHead[] = [];
  const boxes: { x: number; y: number; width: number; height: number }[] = [];
  let length = APPROACH_LENGTH;
  /** Stands a head upright where it touches no other one, as near to the stop line or corner as that leaves room. */
  const stand = (side: Pick<Approach, 'bearing' | 'lanes'>, head: Omit<PlacedHead, 'bearing' | 'y'>, first: number) => {
    const [width, height] = [HEAD_WIDTH + GAP, headHeight(head.kind) + GAP];
    const touches = (depth: number) => {
      const { x, y } = toPicture(side.bearing, head.x, -inner - depth);
      return boxes.some(
        (box) => Math.abs(box.x - x) < (box.width + width) / 2 && Math.abs(box.y - y) < (box.height + height) / 2,
      );
    };
    let depth = first;
    while (touches(depth)) depth += GAP;
    boxes.push({ ...toPicture(side.bearing, head.x, -inner - depth), width, height });
    heads.push({ ...head, bearing: side.bearing, y: -inner - depth });
    // How far it reaches across the road and along it: it stands upright, however the road lies.
    const angle = (side.bearing * Math.PI) / 180;
    const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
    const [across, along] = [(width * cos + height * sin) / 2, (width * sin + height * cos) / 2];
    length = Math.max(length, depth + along);
    for (const lane of side.lanes)
      if (Math.abs(lane.x - head.x) < across + CAR_WIDTH / 2)
        lane.cars = Math.max(lane.cars, depth + along + CAR_LENGTH);
  };
  let corner = 0;
  for (const group of groupsOf(layout)) {
    const kind: PlacedHead['kind'] = group.kind === 'arrow' || group.kind === 'pedestrian' ? group.kind : 'vehicle';
    // Who comes from each side needs a head to look at.
    const own = approaches.filter((side) => side.lanes.some((lane) => group.lanes.includes(lane.id)));
    if (own.length === 0 || kind === 'pedestrian') {
      // Pedestrians wait at the corners.
      const bearings = own.length === 0 ? [(corner++ * 90) % 360] : own.map(({ bearing }) => bearing);
      for (const bearing of bearings) {
        const half = approaches.find((side) => side.bearing === bearing)?.half ?? LANE_WIDTH;
        const head = { group: group.name, kind, x: -half - 16, turn: 0 };
        stand({ bearing, lanes: [] }, head, FIRST_WALKER);
      }
      continue;
    }
    for (const side of own) {
      const seen = side.lanes.filter((lane) => group.lanes.includes(lane.id));
      const x = seen.reduce((sum, lane) => sum + lane.x, 0) / seen.length;
      const turn = kind === 'arrow' ? turnOf(side.direction, group.exits[0]) : 0;
      stand(side, { group: group.name, kind, x, turn }, FIRST_HEAD);
    }
  }
  for (const { lanes } of approaches) for (const { cars } of lanes) length = Math.max(length, cars + CARS);
  return { approaches, heads, inner, length, outer: inner + length + 44 };
}

/** A point of an approach's frame in the picture. */
export function toPicture(bearing: number, x: number, y: number): { x: number; y: number } {
  const angle = (bearing * Math.PI) / 180;
  return { x: x * Math.cos(angle) - y * Math.sin(angle), y: x * Math.sin(angle) + y * Math.cos(angle) };
}

/** Where the right edge of a road and the left edge of the next one clockwise meet; null: they run apart, or the same way. */
export function cornerOf(
  one: Pick<Approach, 'bearing' | 'half'>,
  next: Pick<Approach, 'bearing' | 'half'>,
): { x: number; y: number } | null {
  const gap = (((next.bearing - one.bearing + 360) % 360) * Math.PI) / 180;
  if (gap < 0.01 || gap > Math.PI - 0.01) return null;
  const along = (next.half + one.half * Math.cos(gap)) / Math.sin(gap);
  return toPicture(one.bearing, one.half, -along);
}
