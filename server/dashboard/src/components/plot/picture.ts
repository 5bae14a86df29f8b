import i18next from 'i18next';
import { fillOf, hatch, type Look } from './draw';
import type { Scheme } from './palette';
import type { PlotBand, PlotSeries } from './series';

/** What stands around a drawing, so that the picture explains itself wherever it is shown. */
export interface Words {
  title: string;
  /** Where, of which lanes, when and in which time zone; then what is to be known of the values. */
  lines: string[];
}

/** What the colours and markings of a drawing mean. */
export interface Key {
  series: readonly Pick<PlotSeries, 'label' | 'colour' | 'dash' | 'width' | 'texture'>[];
  /** They are areas or bars, known by their fill. */
  filled: boolean;
  bands: readonly { kind: PlotBand['kind']; text: string }[];
}

/** Breaks a text between words into lines that fit; a word that does not fit stands alone. */
export function wrapped(text: string, fits: (line: string) => boolean): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last !== undefined && fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Where entries of these widths stand in rows of a width. */
export function inRows(widths: readonly number[], width: number): { left: number; row: number }[] {
  let [left, row] = [0, 0];
  return widths.map((wide) => {
    if (left > 0 && left + wide > width) [left, row] = [0, row + 1];
    const place = { left, row };
    left += wide;
    return place;
  });
}

/** A drawing with its title above and its legend below, as a PNG. */
export async function pictureOf(
  drawing: HTMLCanvasElement,
  words: Words,
  key: Key,
  look: Look,
  scheme: Scheme,
): Promise<Blob> {
  const scale = devicePixelRatio;
  const margin = 16 * scale;
  const line = 22 * scale;
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error(i18next.t('noPicture', { ns: 'plot' }));
  const font = (size: number, weight = 400) =>
    `${weight} ${size * scale}px system-ui, "Noto Sans", "Noto Sans Devanagari", sans-serif`;
  const fits = (text: string) => ctx.measureText(text).width <= drawing.width;
  ctx.font = font(16, 650);
  const title = wrapped(words.title, fits);
  ctx.font = font(12);
  const lines = words.lines.flatMap((text) => wrapped(text, fits));
  const labels = [...key.series.map(({ label }) => label), ...key.bands.map(({ text }) => text)];
  const places = inRows(
    labels.map((label) => ctx.measureText(label).width + 44 * scale),
    drawing.width,
  );
  const head = margin + (title.length + lines.length) * line;
  canvas.width = drawing.width + 2 * margin;
  canvas.height = head + drawing.height + ((places.at(-1)?.row ?? -1) + 1) * line + margin;
  ctx.fillStyle = look.ground;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.textBaseline = 'middle';
  ctx.fillStyle = look.text;
  ctx.font = font(16, 650);
  title.forEach((text, at) => ctx.fillText(text, margin, margin + (at + 0.5) * line));
  ctx.font = font(12);
  lines.forEach((text, at) => ctx.fillText(text, margin, margin + (title.length + at + 0.45) * line));
  ctx.drawImage(drawing, margin, head);
  labels.forEach((label, at) => {
    const { left = 0, row = 0 } = places[at] ?? {};
    const x = margin + left;
    const middle = head + drawing.height + (row + 0.6) * line;
    const entry = key.series[at];
    const band = key.bands[at - key.series.length];
    if (entry && key.filled) {
      ctx.fillStyle = fillOf(entry, scheme);
      ctx.fillRect(x, middle - 7 * scale, 22 * scale, 14 * scale);
      ctx.fillStyle = look.text;
    } else if (entry) {
      ctx.strokeStyle = entry.colour;
      ctx.lineWidth = Math.max(3, entry.width ?? 0) * scale;
      ctx.setLineDash((entry.dash ?? []).map((length) => length * scale));
      ctx.beginPath();
      ctx.moveTo(x, middle);
      ctx.lineTo(x + 22 * scale, middle);
      ctx.stroke();
    } else if (band) {
      hatch(ctx, band.kind, { left: x, top: middle - 6 * scale, width: 22 * scale, height: 12 * scale }, look);
    }
    ctx.fillText(label, x + 28 * scale, middle);
  });
  return new Promise((done, failed) =>
    canvas.toBlob(
      (blob) => (blob ? done(blob) : failed(new Error(i18next.t('noPicture', { ns: 'plot' })))),
      'image/png',
    ),
  );
}

/** A drawing of the page as an SVG file of its own, with the title that the page shows elsewhere: `data-whole` is its view box then. */
export function svgOf(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const whole = drawing.dataset.whole;
  if (whole) {
    copy.setAttribute('viewBox', whole);
    copy.setAttribute('height', whole.split(' ')[3] ?? '');
  }
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}
