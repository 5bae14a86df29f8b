import { Group, Paper, Skeleton, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '@/i18n/format';
import { isOnline, type JunctionState } from './states';
import classes from './City.module.css';

/** Sums over the whole city. */
export function Totals({ states }: { states: JunctionState[] | undefined }) {
  const { t } = useTranslation('city');
  const format = useFormat();
  const figures = useMemo(() => {
    const all = states ?? [];
    const count = (test: (state: JunctionState) => boolean) => all.filter(test).length;
    const sum = (of: (state: JunctionState) => number) => all.reduce((total, state) => total + of(state), 0);
    return [
      { key: 'junctions', value: all.length, tone: 'plain' },
      { key: 'online', value: count(isOnline), tone: 'plain' },
      { key: 'overridden', value: count(({ kind }) => kind === 'manual' || kind === 'emergency'), tone: 'warn' },
      { key: 'faults', value: count(({ kind }) => kind === 'fault'), tone: 'bad' },
      { key: 'congested', value: count(({ congestion }) => congestion === 'high'), tone: 'warn' },
      { key: 'alarms', value: sum(({ alarms }) => alarms), tone: 'bad' },
      { key: 'vehicles', value: sum(({ vehicles }) => vehicles), tone: 'plain' },
    ] as const;
  }, [states]);
  return (
    <Skeleton visible={!states}>
      <Group gap="xs" component="dl" className={classes.totals}>
        {figures.map(({ key, value, tone }) => (
          <Paper key={key} withBorder px="sm" py={6} className={classes.figure} data-testid={`total-${key}`}>
            <Text component="dt" size="xs" c="dimmed">
              {t(`totals.${key}`)}
            </Text>
            <Text component="dd" fw={700} size="xl" m={0} className={value > 0 ? classes[tone] : undefined}>
              {format.number(value)}
            </Text>
          </Paper>
        ))}
      </Group>
    </Skeleton>
  );
}
