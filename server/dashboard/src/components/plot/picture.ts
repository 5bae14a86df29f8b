import i18next from 'i18next';
import type { Look } from './draw';
import type { PlotSeries } from './series';

/** A drawing with its title above and its legend below, as a PNG. */
export async function pictureOf(
  drawing: HTMLCanvasElement,
  title: string,
  text: string,
  series: readonly Pick<PlotSeries, 'label' | 'colour'>[],
  look: Look,
): Promise<Blob> {
  const scale = devicePixelRatio;
  const margin = 16 * scale;
  const line = 22 * scale;
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error(i18next.t('noPicture', { ns: 'plot' }));
  const font = (size: number, weight = 400) =>
    `${weight} ${size * scale}px system-ui, "Noto Sans", "Noto Sans Devanagari", sans-serif`;
  ctx.font = font(12);
  // Where each entry of the legend stands.
  const width = drawing.width + 2 * margin;
  let left = margin;
  let row = 0;
  const entries = series.map(({ label, colour }) => {
    const wide = ctx.measureText(label).width + 36 * scale;
    if (left + wide > width - margin && left > margin) {
      left = margin;
      row += 1;
    }
    const entry = { label, colour, left, row };
    left += wide;
    return entry;
  });
  const head = margin + 2 * line;
  canvas.width = width;
  canvas.height = head + drawing.height + (row + 1) * line + margin;
  ctx.fillStyle = look.ground;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.textBaseline = 'middle';
  ctx.fillStyle = look.text;
  ctx.font = font(16, 650);
  ctx.fillText(title, margin, margin + line / 2);
  ctx.font = font(12);
  ctx.fillText(text, margin, margin + line * 1.45);
  ctx.drawImage(drawing, margin, head);
  for (const entry of entries) {
    const middle = head + drawing.height + (entry.row + 0.6) * line;
    ctx.fillStyle = entry.colour;
    ctx.fillRect(entry.left, middle - 5 * scale, 14 * scale, 10 * scale);
    ctx.fillStyle = look.text;
    ctx.fillText(entry.label, entry.left + 20 * scale, middle);
  }
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
