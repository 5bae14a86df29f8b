import { Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useJunctionOptions } from '@/api/junctions';
import { Said } from '@/components/Said';

interface Props {
  value: string | null;
  onChange: (junctionId: string | null) => void;
  /** A choice that must be made, rather than a filter. */
  required?: boolean;
  error?: string | undefined;
}

const NONE: never[] = [];

/** A junction by its name. */
export function JunctionSelect({ value, onChange, required = false, error }: Props) {
  const { t } = useTranslation('lists');
  const { data: junctions, error: failed } = useJunctionOptions();
  return (
    <Select
      label={t('junction')}
      placeholder={required ? t('choose') : t('all')}
      data={junctions ?? NONE}
      value={value}
      onChange={onChange}
      clearable={!required}
      clearButtonProps={{ 'aria-label': t('clear') }}
      searchable
      nothingFoundMessage={t('nothingFound')}
      required={required}
      error={error ?? (failed && !junctions && <Said error={failed} />)}
      limit={100}
    />
  );
}
