import { useTranslation } from 'react-i18next';
import { TimeField } from './TimeField';

interface Props {
  filters: Record<'from' | 'to', string | null>;
  onChange: (name: 'from' | 'to', instant: string | null) => void;
  zone: string | undefined;
}

/** From when and until when a list goes. */
export function SpanFields({ filters, onChange, zone }: Props) {
  const { t } = useTranslation('lists');
  return (
    <>
      <TimeField label={t('from')} value={filters.from} zone={zone} onChange={(at) => onChange('from', at)} />
      <TimeField label={t('to')} value={filters.to} zone={zone} onChange={(at) => onChange('to', at)} />
    </>
  );
}
