import { type ReactNode, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '@/i18n/format';
import type { PlotKind } from './draw';
import { Figure } from './Figure';
import { type Picture, Plot } from './Plot';
import type { PlotBand, PlotSeries } from './series';

interface Props {
  title: string;
  text?: string;
  /** What is looked at, such as junction and span; stands in the picture and in names of files. */
  names: string[];
  kind: PlotKind;
  times: number[];
  /** The last time only ends the one before it. */
  open?: boolean;
  series: PlotSeries[];
  /** What is drawn where that is less than the numbers of `series`, which the table has. */
  drawn?: PlotSeries[];
  bands?: PlotBand[];
  /** Which part of the time from each one to the next was watched, 0 to 1. */
  watched?: number[];
  zone: string;
  /** The zone by whose clock the times are, where they are drawn in another one. */
  clock?: string;
  /** What the values are; stands at their axis. */
  unit: string;
  digits?: number;
  percent?: boolean;
  yMax?: number;
  hoursOnly?: boolean;
  files?: { label: string; save: () => Promise<void> }[];
  /** What stands above the plot. */
  children?: ReactNode;
}

/** A plot over time with its numbers and files. */
export function TimeFigure({
  title,
  text,
  names,
  times,
  series,
  drawn = series,
  open = true,
  zone,
  clock = zone,
  files,
  children,
  watched,
  ...plot
}: Props) {
  const { t } = useTranslation('plot');
  const format = useFormat(zone);
  const picture = useRef<Picture | null>(null);
  const { hoursOnly = false, percent = false, digits = 0 } = plot;
  const table = useMemo(() => {
    const rows = open ? times.slice(0, -1) : times;
    return {
      // A file that is laid beside that of another junction says which time it is.
      header: [`${t('time')} (${clock})`, ...series.map(({ label }) => label), ...(watched ? [t('watched')] : [])],
      rows: rows.map((time, at) => [
        hoursOnly ? format.clock(time * 1000) : format.stamp(time * 1000),
        ...series.map(({ values }) => values[at] ?? null),
        ...(watched ? [Number((watched[at] ?? 0).toFixed(3))] : []),
      ]),
    };
  }, [times, series, watched, open, hoursOnly, clock, format, t]);
  const png = () =>
    picture.current
      ? picture.current.png({
          title,
          lines: [[...names, t('times', { zone: clock })].join(' · '), ...(text ? [text] : [])],
        })
      : Promise.reject(new Error(t('notDrawn')));
  return (
    <Figure
      title={title}
      {...(text ? { text } : {})}
      names={names}
      picture={{ type: 'png', make: png }}
      table={table}
      write={(value, column) =>
        percent || column > series.length ? format.percent(value) : format.number(value, digits)
      }
      {...(files ? { files } : {})}
    >
      {children}
      <Plot
        times={times}
        series={drawn}
        zone={zone}
        label={`${title}: ${names.join(', ')}`}
        picture={picture}
        {...(watched ? { watched } : {})}
        {...plot}
      />
    </Figure>
  );
}
