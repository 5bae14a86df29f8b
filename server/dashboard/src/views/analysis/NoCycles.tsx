import { Alert } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** There is nothing to draw. */
export function NoCycles() {
  const { t } = useTranslation('analysis');
  return <Alert>{t('noCycles')}</Alert>;
}
