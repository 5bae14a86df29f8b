import { CloseButton, Group, SegmentedControl, TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { Filter } from './states';

interface Props {
  filter: Filter;
  onFilter: (filter: Filter) => void;
  search: string;
  onSearch: (search: string) => void;
}

/** All of them, as they are offered. */
export const FILTERS: readonly Filter[] = ['all', 'attention', 'overridden', 'congested'];

/** Which junctions are shown. */
export function FilterBar({ filter, onFilter, search, onSearch }: Props) {
  const { t } = useTranslation('city');
  return (
    <Group>
      <TextInput
        aria-label={t('search')}
        placeholder={t('search')}
        leftSection={<Search size={16} aria-hidden />}
        rightSection={
          search && <CloseButton size="sm" aria-label={t('clear', { ns: 'lists' })} onClick={() => onSearch('')} />
        }
        value={search}
        onChange={(event) => onSearch(event.currentTarget.value)}
        w={{ base: '100%', xs: 260 }}
      />
      <SegmentedControl
        aria-label={t('filter.label')}
        value={filter}
        onChange={onFilter}
        size="xs"
        w={{ base: '100%', xs: 'auto' }}
        data={FILTERS.map((value) => ({ value, label: t(`filter.${value}`) }))}
      />
    </Group>
  );
}
