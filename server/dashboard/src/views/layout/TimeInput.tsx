import { NumberInput, type NumberInputProps } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type Field, numberOf } from '@/components/field';

interface Props extends NumberInputProps {
  value: Field;
}

/** A time that must be given: an empty one is none of 0 s. */
export function TimeInput({ value, ...rest }: Props) {
  const { t } = useTranslation('layout');
  return <NumberInput value={value} error={numberOf(value) === null ? t('needed') : undefined} {...rest} />;
}
