import { Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { laneName, type Place } from './place';
import { useChoice } from './useChoice';

/** The lane that was chosen; null: all of them. */
export function useLane(place: Place): string | null {
  const chosen = useChoice().get('lane');
  return place.lanes.some(({ id }) => id === chosen) ? chosen : null;
}

/** The lanes that are shown, by name. */
export function useLaneName(place: Place): string {
  const { t } = useTranslation('analysis');
  const only = useLane(place);
  return only ? laneName(place, only) : t('allLanes');
}

export function LanePicker({ place }: { place: Place }) {
  const { t } = useTranslation('analysis');
  const { set } = useChoice();
  return (
    <Select
      label={t('lane')}
      value={useLane(place) ?? 'all'}
      onChange={(value) => set({ lane: value === 'all' ? null : value })}
      data={[
        { value: 'all', label: t('allLanes') },
        ...place.lanes.map(({ id, name }) => ({ value: id, label: name })),
      ]}
      allowDeselect={false}
      w={160}
    />
  );
}
