import { encode } from 'uqr';

/** Cells of light around the code that readers need (ISO/IEC 18004). */
const QUIET = 4;

/** A QR code, dark on light in every theme: that is what readers expect. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { data: cells, size } = encode(text, { border: 0, ecc: 'M' });
  const path = cells
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')))
    .join('');
  const side = size + 2 * QUIET;
  return (
    <svg
      viewBox={`0 0 ${side} ${side}`}
      width={208}
      height={208}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <rect width={side} height={side} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
