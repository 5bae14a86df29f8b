import { Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { brokenOf } from '@/components/junction/broken';
import { type Column, Rows } from '@/components/list/Rows';
import { useFormat } from '@/i18n/format';
import { EntryNumber } from './EntryNumber';
import { DAYS, type Entry } from './week';

interface Props {
  entries: Entry[];
  /** Why the schedule was refused. */
  error: unknown;
  choose: (at: number) => void;
}

/** The entries of a schedule in words, each with what the server says of it. */
export function EntryList({ entries, error, choose }: Props) {
  const { t } = useTranslation('schedule');
  const format = useFormat();
  if (entries.length === 0) return <Text size="sm">{t('none')}</Text>;
  const range = (of: 'cycle' | 'green', least: number | null | undefined, most: number | null | undefined) => {
    if (least == null && most == null) return [];
    const bounds = { least: format.number(least ?? 0), most: format.number(most ?? 0) };
    return [t(`range.${of}.${least == null ? 'most' : most == null ? 'least' : 'both'}`, bounds)];
  };
  const what = ({ plan, limits }: Entry) =>
    plan
      ? [
          ...plan.stages.map(({ stage, green_s }) => `${stage} ${format.seconds(green_s)}`),
          ...(plan.offset_s == null ? [] : [t('offsetIs', { seconds: format.seconds(plan.offset_s) })]),
        ].join(', ')
      : [
          ...range('cycle', limits?.min_cycle_s, limits?.max_cycle_s),
          ...range('green', limits?.min_green_s, limits?.max_green_s),
        ].join(', ');
  const columns: Column<{ entry: Entry; at: number }>[] = [
    {
      label: t('name'),
      cell: ({ entry, at }) => {
        const broken = brokenOf(error, 'entry', entry.name) ?? brokenOf(error, 'entries', entry.name);
        return (
          <Stack gap={2} align="flex-start">
            <Group gap={2} wrap="nowrap">
              <EntryNumber at={at} kind={entry.plan ? 'plan' : 'limits'} />
              <Button size="compact-sm" variant="subtle" onClick={() => choose(at)}>
                {entry.name}
              </Button>
            </Group>
            {broken && (
              <Text size="xs" c="red" style={{ whiteSpace: 'pre-line' }}>
                {broken}
              </Text>
            )}
          </Stack>
        );
      },
    },
    {
      label: t('on'),
      cell: ({ entry }) =>
        DAYS.filter((day) => entry.days.includes(day))
          .map((day) => t(`short.${day}`))
          .join(', '),
    },
    { label: t('time'), nowrap: true, cell: ({ entry }) => `${entry.from}–${entry.to}` },
    { label: t('what'), cell: ({ entry }) => `${entry.plan ? t('plan') : t('limits')}: ${what(entry)}` },
  ];
  const rows = entries.map((entry, at) => ({ entry, at }));
  return <Rows label={t('week')} rows={rows} rowKey={({ at }) => at} columns={columns} />;
}
