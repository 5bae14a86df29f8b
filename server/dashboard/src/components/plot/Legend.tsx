import { Group, Text, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import classes from './Legend.module.css';
import type { PlotSeries } from './series';

interface Props {
  series: PlotSeries[];
  hidden: ReadonlySet<string>;
  toggle: (label: string) => void;
  /** The time under the pointer. */
  when: string | null;
  value: (line: PlotSeries) => number | null;
  write: (value: number) => string;
  /** What the markings of the time axis mean. */
  bands: string[];
}

/** Names of series, each of which switches it; the values under the pointer beside them. */
export function Legend({ series, hidden, toggle, when, value, write, bands }: Props) {
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
            {line.label} {when !== null && <b>{known === null ? '–' : write(known)}</b>}
          </UnstyledButton>
        );
      })}
      {bands.map((text) => (
        <Text key={text} size="sm" c="dimmed" className={classes.band}>
          <svg width={18} height={10} aria-hidden>
            <path d="M0 10L5 0M6 10L11 0M12 10L17 0" stroke="currentColor" />
          </svg>
          {text}
        </Text>
      ))}
    </Group>
  );
}
