import uPlot from 'uplot';
import { type Scheme, soft, TILE } from './palette';
import { joined, type PlotBand, type PlotSeries, stacked } from './series';

/** How series are drawn. */
export type PlotKind = 'line' | 'steps' | 'bars' | 'area';

export interface Look {
  text: string;
  grid: string;
  ground: string;
  hatch: string;
}

/** Colours of the page as they are at present. */
export function lookOf(element: Element): Look {
  const style = getComputedStyle(element);
  const read = (name: string, other: string) => style.getPropertyValue(name).trim() || other;
  return {
    text: read('--mantine-color-text', '#222222'),
    grid: read('--mantine-color-default-border', '#cccccc'),
    ground: read('--mantine-color-body', '#ffffff'),
    hatch: read('--state-idle', '#777777'),
  };
}

/**
 * Marks the time that nobody watched with dense hatching, so that it is not taken for quiet, the one watched in part with wide one the other
 * way, and the interval that still runs with a shade, so that its few are not taken for a fall.
 */
function drawBands(plot: uPlot, bands: PlotBand[], look: Look): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, kind } of joined(bands)) {
    const left = plot.valToPos(from, 'x', true);
    const right = plot.valToPos(to, 'x', true);
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    hatch(ctx, kind, { left, top: bbox.top, width: right - left, height: bbox.height }, look);
  }
  ctx.restore();
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Fills a box with the hatching of a marking. */
export function hatch(ctx: CanvasRenderingContext2D, kind: PlotBand['kind'], box: Box, look: Look): void {
  const { left, top, width, height } = box;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  if (kind === 'running') {
    ctx.globalAlpha = 0.18;
    ctx.fillStyle = look.hatch;
    ctx.fillRect(left, top, width, height);
    ctx.restore();
    return;
  }
  ctx.strokeStyle = look.hatch;
  ctx.globalAlpha = kind === 'unwatched' ? 0.5 : 0.35;
  ctx.lineWidth = devicePixelRatio;
  const step = (kind === 'unwatched' ? 6 : 11) * devicePixelRatio;
  const [low, high] = kind === 'unwatched' ? [top + height, top] : [top, top + height];
  ctx.beginPath();
  for (let x = left - height - (left % step); x < left + width; x += step) {
    ctx.moveTo(x, low);
    ctx.lineTo(x + height, high);
  }
  ctx.stroke();
  ctx.restore();
}

interface Wanted {
  kind: PlotKind;
  series: PlotSeries[];
  hidden: ReadonlySet<string>;
  bands: PlotBand[];
  look: Look;
  scheme: Scheme;
  width: number;
  height: number;
  zone: string;
  /** Writes a time of the axis. */
  tick: (seconds: number, step: number) => string;
  /** Writes a value. */
  value: (value: number) => string;
  /** Decimals of a written value, of a share as a fraction of 1. */
  decimals: number;
  /** What the values are. */
  unit: string | undefined;
  yMax: number | undefined;
  onCursor: (index: number | null) => void;
}

/** Width of the lines of a texture, CSS pixels. */
export const TEXTURE_WIDTH = 1.5;

/** Each value from its time to the next: two points a step, so that one before a gap is as wide as the others. */
export function steps(times: readonly number[], values: readonly (number | null)[]): (number | null)[] {
  return times.slice(0, -1).flatMap((_, at) => [values[at] ?? null, values[at] ?? null]);
}

/** The times of {@link steps}; a step ends a moment before the next one begins. */
export const stepTimes = (times: readonly number[]): number[] =>
  times.slice(0, -1).flatMap((time, at) => [time, (times[at + 1] ?? time) - 0.001]);

/** The place of the last time that is not after a moment. */
export function placeAt(times: readonly number[], moment: number): number | null {
  const at = times.findLastIndex((time) => time <= moment);
  return at < 0 ? null : at;
}

/** Whether series of a kind stand on each other and are filled. */
export const isStack = (kind: PlotKind): boolean => kind === 'bars' || kind === 'area';

/** How a series is filled: its soft colour with its texture, which repeats by the pixels of the device. */
export function fillOf(line: Pick<PlotSeries, 'colour' | 'texture'>, scheme: Scheme): CanvasPattern | string {
  const ground = soft(line.colour, scheme);
  const tile = document.createElement('canvas');
  const side = Math.round(TILE * devicePixelRatio);
  tile.width = tile.height = side;
  const ctx = tile.getContext('2d');
  if (!line.texture || !ctx) return ground;
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, side, side);
  ctx.scale(side / TILE, side / TILE);
  ctx.strokeStyle = line.colour;
  ctx.lineWidth = TEXTURE_WIDTH;
  ctx.lineCap = 'round';
  ctx.stroke(new Path2D(line.texture));
  return ctx.createPattern(tile, 'repeat') ?? ground;
}

/** Distances between the lines of the axis of values: 1, 2 and 5 of each power of ten, none so small that two lines would have one name. */
export const distances = (decimals: number): number[] =>
  Array.from({ length: 8 + decimals }, (_, at) => at - decimals).flatMap((power) =>
    [1, 2, 5].map((times) => times * 10 ** power),
  );

/** From so many seconds on the axis is written in days. */
const LONG_S = 3 * 86_400;

/** What uPlot is to draw, and of which data. */
export function plotOf(times: number[], wanted: Wanted): { options: uPlot.Options; data: uPlot.AlignedData } {
  const { kind, series, look, hidden } = wanted;
  const shown = series.filter((line) => !hidden.has(line.label));
  const stack = isStack(kind);
  const sums = stack ? stacked(shown.map((line) => line.values)) : [];
  // The highest of a stack first, so that the ones below it stay in sight.
  const order = stack ? shown.map((_, at) => shown.length - 1 - at) : shown.map((_, at) => at);
  const lines = order.map((at) => {
    const line = shown[at] as PlotSeries;
    return { line, values: (stack ? sums[at] : line.values) ?? [] };
  });
  const axis = { stroke: look.text, grid: { stroke: look.grid, width: 1 }, ticks: { stroke: look.grid, width: 1 } };
  const font = '12px system-ui, "Noto Sans", "Noto Sans Devanagari", sans-serif';
  const options: uPlot.Options = {
    width: wanted.width,
    height: wanted.height,
    // On the right half a day's name.
    padding: [10, 44, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), wanted.zone),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'line' } },
    scales: {
      x: { time: true },
      y: { range: (_plot, _low, high) => [0, wanted.yMax ?? Math.max(1, high * 1.06)] },
    },
    axes: [
      {
        ...axis,
        font,
        // Days are written longer than hours.
        space: (_plot, _axis, from, to) => (to - from > LONG_S ? 96 : 64),
        values: (_plot, splits, _axis, _space, step) => splits.map((at) => wanted.tick(at, step)),
      },
      {
        ...axis,
        font,
        size: 52,
        ...(wanted.unit ? { label: wanted.unit, labelFont: font, labelSize: 18, labelGap: 2 } : {}),
        incrs: distances(wanted.decimals),
        values: (_plot, splits) => splits.map(wanted.value),
      },
    ],
    series: [
      {},
      ...lines.map(({ line }): uPlot.Series => {
        const paths = kind === 'bars' ? uPlot.paths.bars?.({ size: [0.86, 64], align: 1 }) : uPlot.paths.linear?.();
        return {
          label: line.label,
          stroke: line.colour,
          width: kind === 'bars' ? 0 : (line.width ?? 1.75),
          points: { show: false },
          ...(line.dash && !stack ? { dash: line.dash } : {}),
          ...(stack ? { fill: () => fillOf(line, wanted.scheme) } : {}),
          ...(paths ? { paths } : {}),
        };
      }),
    ],
    hooks: {
      drawClear: [(plot) => drawBands(plot, wanted.bands, look)],
      setCursor: [
        (plot) => {
          const { idx, left = -1 } = plot.cursor;
          if (idx == null || left < 0) wanted.onCursor(null);
          else wanted.onCursor(kind === 'line' ? idx : placeAt(times, plot.posToVal(left, 'x')));
        },
      ],
    },
  };
  const stepped = kind === 'steps' || kind === 'area';
  const data = lines.map(({ values }) => (stepped ? steps(times, values) : values));
  return { options, data: [stepped ? stepTimes(times) : times, ...data] };
}
