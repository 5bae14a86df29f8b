import { Box, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type RefObject, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useFormat } from '@/i18n/format';
import { isStack, lookOf, type PlotKind, plotOf } from './draw';
import { Legend } from './Legend';
import { pictureOf, type Words } from './picture';
import type { PlotBand, PlotSeries } from './series';

/** What makes a picture of a plot. */
export interface Picture {
  png: (words: Words) => Promise<Blob>;
}

interface Props {
  kind: PlotKind;
  /** Seconds since 1970, rising. */
  times: number[];
  series: PlotSeries[];
  bands?: PlotBand[];
  /** Which part of the time from each one to the next was watched, 0 to 1; read out where it is not all of it. */
  watched?: number[];
  /** The junction's. */
  zone: string;
  /** Says what is drawn, to those who cannot see it. */
  label: string;
  height?: number;
  /** What the values are, such as vehicles in an hour; stands at their axis. */
  unit?: string;
  digits?: number;
  percent?: boolean;
  yMax?: number;
  /** Only hours and minutes stand at the axis: days are laid over each other. */
  hoursOnly?: boolean;
  picture?: RefObject<Picture | null>;
}

const NO_BANDS: PlotBand[] = [];
/** From here on the percentage is 100. */
const WHOLE = 0.995;

/** Series over time, with a legend that reads out the values under the pointer and switches series. */
export function Plot({ kind, times, series, bands = NO_BANDS, zone, label, height = 300, ...more }: Props) {
  const { digits = 0, percent = false, yMax, unit, hoursOnly = false, watched, picture } = more;
  const { t } = useTranslation('plot');
  const format = useFormat(zone);
  const scheme = useComputedColorScheme('light');
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const write = useMemo(
    () => (value: number) => (percent ? format.percent(value) : format.number(value, digits)),
    [format, percent, digits],
  );

  useEffect(() => {
    if (!place.current || width === 0) return;
    const tick = (seconds: number, step: number) => {
      const date = seconds * 1000;
      if (step >= 86_400) return format.day(date);
      const time = format.clock(date);
      return time === '00:00' && !hoursOnly ? format.day(date) : time;
    };
    const { options, data } = plotOf(times, {
      kind,
      series,
      hidden,
      bands,
      look: lookOf(place.current),
      scheme,
      width,
      height,
      zone,
      tick,
      value: write,
      decimals: percent ? 2 : digits,
      unit,
      yMax,
      onCursor: setAt,
    });
    const plot = new uPlot(options, data, place.current);
    drawn.current = plot;
    return () => plot.destroy();
  }, [
    kind,
    times,
    series,
    hidden,
    bands,
    scheme,
    width,
    height,
    zone,
    unit,
    yMax,
    hoursOnly,
    write,
    format,
    percent,
    digits,
  ]);

  const marks = useMemo(
    () => [...new Set(bands.map((band) => band.kind))].map((kind) => ({ kind, text: t(kind) })),
    [bands, t],
  );
  useImperativeHandle(
    picture,
    () => ({
      png: (words) => {
        if (!drawn.current || !place.current) throw new Error(t('notDrawn'));
        const shown = series.filter((line) => !hidden.has(line.label));
        const key = { series: shown, filled: isStack(kind), bands: marks };
        return pictureOf(drawn.current.ctx.canvas, words, key, lookOf(place.current), scheme);
      },
    }),
    [kind, series, hidden, marks, scheme, t],
  );

  const moment = at === null ? undefined : times[at];
  const share = at === null ? undefined : watched?.[at];
  const when = moment === undefined ? null : hoursOnly ? format.clock(moment * 1000) : format.dateTime(moment * 1000);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  return (
    <Box ref={ref}>
      <div ref={place} role="img" aria-label={label} style={{ minHeight: height }} />
      <Legend
        series={series}
        filled={isStack(kind)}
        hidden={hidden}
        toggle={toggle}
        when={when}
        note={share !== undefined && share < WHOLE ? t('watchedShare', { share: format.percent(share) }) : null}
        value={(line) => (at === null ? null : (line.values[at] ?? null))}
        write={write}
        bands={marks}
      />
    </Box>
  );
}
