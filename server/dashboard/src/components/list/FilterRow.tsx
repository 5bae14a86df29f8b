import { SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** The filters of a list, side by side as far as there is room. */
export function FilterRow({ children }: { children: ReactNode }) {
  const { t } = useTranslation('lists');
  return (
    <SimpleGrid
      role="group"
      aria-label={t('filters')}
      cols={{ base: 2, sm: 3, lg: 5 }}
      spacing="sm"
      verticalSpacing="xs"
    >
      {children}
    </SimpleGrid>
  );
}
