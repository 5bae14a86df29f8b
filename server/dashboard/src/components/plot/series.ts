/** A line, area or row of bars over time. */
export interface PlotSeries {
  label: string;
  /** A value for each time; null: not known. */
  values: (number | null)[];
  colour: string;
  dash?: number[] | undefined;
  /** Lines upon a fill, as `seriesTexture` gives them; absent: plain. */
  texture?: string;
  /** Width of the line, CSS pixels. */
  width?: number;
}

/** A span of the time axis that is marked. */
export interface PlotBand {
  /** Seconds since 1970. */
  from: number;
  to: number;
  /** `unwatched`: nobody watched; `part`: some of it was watched; `running`: it is not over, and what it counts still rises. */
  kind: 'unwatched' | 'part' | 'running';
}

/** Each series on top of those before it; a time at which none is known stays unknown. */
export function stacked(series: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const length = series[0]?.length ?? 0;
  const sums = Array.from({ length }, () => 0);
  const known = Array.from({ length }, (_, at) => series.some((values) => values[at] != null));
  return series.map((values) =>
    sums.map((sum, at) => {
      sums[at] = sum + (values[at] ?? 0);
      return known[at] ? (sums[at] ?? null) : null;
    }),
  );
}

/** Bands that touch and are of one kind become one. */
export function joined(bands: readonly PlotBand[]): PlotBand[] {
  const found: PlotBand[] = [];
  for (const band of bands) {
    const last = found.at(-1);
    if (last?.kind === band.kind && last.to >= band.from) last.to = Math.max(last.to, band.to);
    else found.push({ ...band });
  }
  return found;
}
