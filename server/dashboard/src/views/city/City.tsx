import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { PageTitle } from '@/components/PageTitle';

/** The city: its junctions on a map and in a list. */
export function City() {
  const { t } = useTranslation('city');
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
    </Stack>
  );
}
