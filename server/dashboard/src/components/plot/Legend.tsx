import { Group, Text, UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './Legend.module.css';
import { TEXTURE_WIDTH } from './draw';
import { soft, TILE } from './palette';
import type { PlotBand, PlotSeries } from './series';

interface Props {
  series: PlotSeries[];
  /** They are areas or bars, known by their fill. */
  filled: boolean;
  hidden: ReadonlySet<string>;
  toggle: (label: string) => void;
  /** The time under the pointer. */
  when: string | null;
  value: (line: PlotSeries) => number | null;
  write: (value: number) => string;
  /** What else is to be said of that time. */
  note: string | null;
  /** What the markings of the time axis mean. */
  bands: { kind: PlotBand['kind']; text: string }[];
}

/** Names of series, each of which switches it; the values under the pointer beside them. */
export function Legend({ series, filled, hidden, toggle, when, value, write, note, bands }: Props) {
  const { t } = useTranslation('plot');
  return (
    <Group gap="xs" mt={4} role="group" aria-label={t('legend')}>
      <Text size="sm" c="dimmed" className={classes.when}>
        {when ?? t('pointAt')}
      </Text>
      {series.map((line) => {
        const known = value(line);
        return (
          <UnstyledButton
            key={line.label}
            className={classes.entry}
            aria-pressed={!hidden.has(line.label)}
            onClick={() => toggle(line.label)}
          >
            {filled ? (
              <Fill line={line} />
            ) : (
              <svg width={18} height={10} aria-hidden>
                <line
                  x1={0}
                  x2={18}
                  y1={5}
                  y2={5}
                  stroke={line.colour}
                  strokeWidth={Math.max(3, line.width ?? 0)}
                  strokeDasharray={line.dash?.join(' ')}
                />
              </svg>
            )}
            {line.label} {when !== null && <b>{known === null ? '–' : write(known)}</b>}
          </UnstyledButton>
        );
      })}
      {note && (
        <Text size="sm" fw={600}>
          {note}
        </Text>
      )}
      {bands.map(({ kind, text }) => (
        <Text key={kind} size="sm" c="dimmed" className={classes.band}>
          <svg width={18} height={10} aria-hidden>
            {kind === 'running' ? (
              <rect width={18} height={10} fill="currentColor" opacity={0.3} />
            ) : kind === 'unwatched' ? (
              <path d="M0 10L5 0M4 10L9 0M8 10L13 0M12 10L17 0" stroke="currentColor" />
            ) : (
              <path d="M0 0L5 10M6 0L11 10M12 0L17 10" stroke="currentColor" />
            )}
          </svg>
          {text}
        </Text>
      ))}
    </Group>
  );
}

/** How an area or a bar is filled. */
function Fill({ line: { colour, texture } }: { line: PlotSeries }) {
  const id = useId();
  const scheme = useComputedColorScheme('light');
  return (
    <svg width={3 * TILE} height={2 * TILE} aria-hidden>
      <pattern id={id} width={TILE} height={TILE} patternUnits="userSpaceOnUse">
        <path d={texture} stroke={colour} strokeWidth={TEXTURE_WIDTH} strokeLinecap="round" />
      </pattern>
      <rect width="100%" height="100%" fill={soft(colour, scheme)} stroke={colour} />
      <rect width="100%" height="100%" fill={`url(#${id})`} />
    </svg>
  );
}
