import { Input, SegmentedControl } from '@mantine/core';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { daysOf, isWidth, type Span, usualWidth, type Width, WIDTHS } from './span';
import { useChoice } from './useChoice';

/** The width that was chosen, if a span of it is answered, else one in which the span is easily read. */
export function useWidth(span: Span, most: 'volumes' | 'cycles'): Width {
  const chosen = useChoice().get('bucket');
  return isWidth(chosen) && WIDTHS.some((entry) => entry.width === chosen && daysOf(span) <= entry[most])
    ? chosen
    : usualWidth(span);
}

/** Widths of buckets; those that the span is too long for cannot be chosen. */
export function WidthPicker({ span, most, width }: { span: Span; most: 'volumes' | 'cycles'; width: Width }) {
  const { t } = useTranslation('analysis');
  const { set } = useChoice();
  const id = useId();
  return (
    <Input.Wrapper label={t('bucket')} labelElement="div" labelProps={{ id }}>
      <SegmentedControl
        display="flex"
        aria-labelledby={id}
        value={width}
        onChange={(value) => set({ bucket: value })}
        data={WIDTHS.map((entry) => ({
          value: entry.width,
          label: t(`width.${entry.width}`),
          disabled: daysOf(span) > entry[most],
        }))}
      />
    </Input.Wrapper>
  );
}
