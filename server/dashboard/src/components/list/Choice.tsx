import { Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Props {
  label: string;
  value: string | null;
  onChange: (value: string | null) => void;
  options: readonly { value: string; label: string }[];
}

/** A filter with a few values; none chosen: all. */
export function Choice({ label, value, onChange, options }: Props) {
  const { t } = useTranslation('lists');
  return (
    <Select
      label={label}
      placeholder={t('all')}
      data={options}
      value={value}
      onChange={onChange}
      clearable
      clearButtonProps={{ 'aria-label': t('clear') }}
      searchable={options.length > 8}
      nothingFoundMessage={t('nothingFound')}
    />
  );
}
