import { Stack, Text, Title } from '@mantine/core';
import type { CSSProperties } from 'react';
import { useTranslation } from 'react-i18next';
import { useJunctionNames } from '@/api/junctions';
import type { Layout } from '@/api/types';
import { type Column, Rows } from '@/components/list/Rows';
import { Section } from '@/components/Section';
import { usePhone } from '@/components/usePhone';
import { useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import type { Estimate, EstimatedShares, LaneEstimates, ReaderSight } from '@/live/frames';
import classes from './Estimates.module.css';
import { type LaneLearned, learnedOf, type Told } from './health';

type Group = 'traffic' | 'discharge' | 'tags';

interface Row extends LaneLearned {
  lane: string;
}

/** Names of the estimates that are a single number. */
type Single = {
  [K in keyof LaneEstimates]-?: NonNullable<LaneEstimates[K]> extends Estimate ? K : never;
}[keyof LaneEstimates];

/** So many columns beside the lane's name fit on a phone. */
const NARROW = 3;

const SIGHTS = ['works', 'down', 'blind', 'silent'] as const;

/** What the devices have learned of each lane: numbers with their age and confidence. */
export function EstimatesCard({ layout, told }: { layout: Layout; told: readonly Told[] }) {
  const { t } = useTranslation(['junction', 'common']);
  const format = useFormat();
  const isPhone = usePhone();
  const junctionName = useJunctionNames();
  const learned = learnedOf(told, useNow(5000));
  const known = [...layout.lanes].sort((a, b) => a.lane_index - b.lane_index).map(({ lane_name }) => lane_name);
  // A device may count lanes that the server does not know.
  const rows = [...new Set([...known, ...learned.keys()])].flatMap((lane): Row[] => {
    const found = learned.get(lane);
    return found ? [{ lane, ...found }] : [];
  });
  const source = (row: Row, { age_s, confidence }: { age_s?: number | null; confidence?: number }) => (
    <Text size="xs" c="dimmed">
      {age_s == null ? t('estimates.assumed') : format.age(age_s + row.toldS)}
      {age_s != null && confidence !== undefined && ` · ${format.percent(confidence)}`}
    </Text>
  );
  const number = (name: Single, write: (value: number) => string): Column<Row> => ({
    label: t(`estimates.${name}`),
    cell: (row) => {
      const estimate = row.estimates[name];
      return (
        estimate && (
          <Stack gap={0}>
            <span>{write(estimate.value)}</span>
            {source(row, estimate)}
          </Stack>
        )
      );
    },
  });
  const shares = (name: 'stops_on' | 'leads_to'): Column<Row> => ({
    label: t(`estimates.${name}`),
    cell: (row) => {
      const found: EstimatedShares | undefined = row.estimates[name];
      return found?.shares.length ? (
        <Stack gap={0}>
          {found.shares.map(({ junction_id, lane, share }) => (
            <span key={`${junction_id ?? ''} ${lane}`}>
              {[junction_id && junctionName(junction_id), lane, format.percent(share)].filter(Boolean).join(' ')}
            </span>
          ))}
          {source(row, found)}
        </Stack>
      ) : null;
    },
  });
  const reader = (name: 'stop_reader' | 'advance_reader'): Column<Row> => ({
    label: t(`estimates.${name}`),
    cell: ({ estimates, toldS }) => {
      const sight: ReaderSight | undefined = estimates[name];
      const state = SIGHTS.find((one) => one === sight?.state);
      return (
        sight && (
          <Stack gap={0}>
            <Text size="sm" c={state === 'works' ? undefined : 'var(--state-bad)'}>
              {state ? t(`estimates.sight.${state}`) : t('common:notKnown')}
            </Text>
            {sight.silent_s != null && (
              <Text size="xs" c="dimmed">
                {t('estimates.silent', { age: format.age(sight.silent_s + toldS) })}
              </Text>
            )}
          </Stack>
        )
      );
    },
  });
  const seconds = (value: number) => format.seconds(value, 2);
  const percent = (value: number) => format.percent(value);
  const count = (value: number) => format.number(value);
  const flow = (value: number) => t('common:unit.perHour', { value: count(value) });
  // What belongs together stands together: thirteen columns in a row nobody reads.
  const groups: [Group, [keyof LaneEstimates, Column<Row>][]][] = [
    [
      'traffic',
      [
        ['inventory', number('inventory', count)],
        ['present', number('present', count)],
        ['flow_per_h', number('flow_per_h', flow)],
        ['stops_on', shares('stops_on')],
        ['leads_to', shares('leads_to')],
      ],
    ],
    [
      'discharge',
      [
        ['headway_s', number('headway_s', seconds)],
        ['startup_loss_s', number('startup_loss_s', seconds)],
        ['drive_s', number('drive_s', seconds)],
      ],
    ],
    [
      'tags',
      [
        ['read_rate', number('read_rate', percent)],
        ['tagged_share', number('tagged_share', percent)],
        ['announced_share', number('announced_share', percent)],
        ['stop_reader', reader('stop_reader')],
        ['advance_reader', reader('advance_reader')],
      ],
    ],
  ];
  const shown = groups.flatMap(([group, columns]) => {
    // What no lane has is no column.
    const filled = columns.filter(([name]) => rows.some(({ estimates }) => estimates[name] !== undefined));
    return filled.length > 0 ? [{ group, filled }] : [];
  });
  const widths = shown.map(({ filled }) => `minmax(0, ${4 + 5 * filled.length}fr)`);
  const across = {
    '--all': widths.join(' '),
    '--two': widths.slice(0, 2).join(' '),
    // Title, head, and a line a lane.
    '--lines': rows.length + 2,
  };
  return (
    <Section folds title={t('estimates.title')} text={rows.length > 0 ? t('estimates.hint') : undefined}>
      {rows.length === 0 && <Text c="dimmed">{t('estimates.none')}</Text>}
      <div className={classes.groups} style={across as CSSProperties}>
        {shown.map(({ group, filled }) => (
          <div key={group} className={classes.group} style={{ '--columns': filled.length } as CSSProperties}>
            <Title order={3} size="h5">
              {t(`estimates.group.${group}`)}
            </Title>
            <Rows
              label={`${t('estimates.title')}: ${t(`estimates.group.${group}`)}`}
              // A lane that has nothing is no card; in tables beside each other it keeps its line.
              rows={
                isPhone ? rows.filter(({ estimates }) => filled.some(([name]) => estimates[name] !== undefined)) : rows
              }
              rowKey={({ lane }) => lane}
              narrow={filled.length <= NARROW}
              columns={[
                { label: t('lanes.lane'), width: '4rem', cell: ({ lane }) => <strong>{lane}</strong> },
                ...filled.map(([, column]) => column),
              ]}
            />
          </div>
        ))}
      </div>
    </Section>
  );
}
