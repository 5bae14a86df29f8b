import { Button, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ProblemError } from '@/api/problem';
import { DayField } from './DayField';
import { lastDays, plusDays, type Span } from './span';
import { useChoice } from './useChoice';

interface Props {
  span: Span;
  /** The present day of the junction. */
  today: string;
  /** Lengths in days that are offered. */
  lengths: readonly number[];
  error: unknown;
}

/** From which day to which. */
export function SpanPicker({ span, today, lengths, error }: Props) {
  const { t } = useTranslation('analysis');
  const { set } = useChoice();
  const problem = error instanceof ProblemError ? error : null;
  const choose = ({ from, to }: Span) => set({ from, to, bucket: null });
  const presets = [
    { label: t('today'), value: lastDays(today, 1) },
    { label: t('yesterday'), value: lastDays(plusDays(today, -1), 1) },
    ...lengths.map((days) => ({ label: t('lastDays', { count: days }), value: lastDays(today, days) })),
  ];
  return (
    <Group align="flex-start" gap="sm">
      <DayField
        label={t('from')}
        value={span.from}
        max={span.to}
        onChange={(from) => choose({ ...span, from })}
        error={problem?.about('from')}
      />
      <DayField
        label={t('to')}
        value={span.to}
        min={span.from}
        onChange={(to) => choose({ ...span, to })}
        error={problem?.about('to')}
      />
      <Group gap={4} mt={{ base: 0, xs: 25 }} role="group" aria-label={t('span')}>
        {presets.map(({ label, value }) => {
          const chosen = value.from === span.from && value.to === span.to;
          return (
            <Button
              key={label}
              variant={chosen ? 'light' : 'default'}
              px="sm"
              aria-pressed={chosen}
              onClick={() => choose(value)}
            >
              {label}
            </Button>
          );
        })}
      </Group>
    </Group>
  );
}
