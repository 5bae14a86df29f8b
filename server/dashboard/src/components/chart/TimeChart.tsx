import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import { DEFAULT_ZONE } from '@/i18n/format';

/** Colours that stay apart without red and green, in order (Okabe and Ito), and dashes for who sees no colours. */
const LINES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8d7a00', '#7f7f7f'];
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

export interface Series {
  name: string;
  /** One for each time; null: nobody knows. */
  values: (number | null)[];
}

interface Props {
  /** What it shows, for who does not see it. */
  label: string;
  /** Seconds since 1970. */
  times: number[];
  /** What the times are called in the legend. */
  timeLabel: string;
  series: Series[];
  zone?: string;
  height?: number;
}

/** Values over time, as lines with gaps where nothing is known. */
export function TimeChart({ label, times, timeLabel, series, zone = DEFAULT_ZONE, height = 260 }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const names = JSON.stringify(series.map(({ name }) => name));
  const values = useMemo(() => [times, ...series.map((one) => one.values)] as uPlot.AlignedData, [times, series]);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(values);
  useEffect(() => {
    latest.current = values;
    chart.current?.setData(values);
  }, [values]);
  useEffect(() => {
    const place = element.current;
    if (!place) return undefined;
    const [text, grid] = scheme === 'dark' ? ['#c9cfda', '#3a4252'] : ['#444c5a', '#dde2ea'];
    const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const made = new uPlot(
      {
        width: Math.max(280, place.clientWidth),
        height,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        axes: [
          { ...axis, values: [[3600, '{HH}:{mm}', '\n{D}.{M}.', null, null, null, null, null, 1]] },
          { ...axis, size: 44 },
        ],
        series: [
          { label: timeLabel, value: '{D}.{M}. {HH}:{mm}' },
          ...(JSON.parse(names) as string[]).map((name, index) => ({
            label: name,
            stroke: LINES[index % LINES.length],
            dash: DASHES[index % DASHES.length],
            width: 2,
            spanGaps: false,
          })),
        ],
      },
      latest.current,
      place,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(280, place.clientWidth), height }));
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [names, scheme, zone, height, timeLabel]);
  return <div ref={element} role="img" aria-label={label} />;
}
