import { MultiSelect, Select, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useLayout } from '@/api/junctions';
import type { ProblemError } from '@/api/problem';
import { Unfetched } from '@/components/Unfetched';

export const DEVICE_TYPES = ['junction', 'rfid_counter', 'light_controller'] as const;

/** What can be said of a device. */
export interface DeviceValues {
  device_name: string;
  device_type: string;
  lanes: string[];
}

interface Props {
  junctionId: string | null;
  values: DeviceValues;
  onChange: (change: Partial<DeviceValues>) => void;
  problem: ProblemError | null;
}

/** Name, type and lanes of a device. */
export function DeviceFields({ junctionId, values, onChange, problem }: Props) {
  const { t } = useTranslation('devices');
  const layout = useLayout(junctionId);
  const lanes = layout.data?.lanes ?? [];
  return (
    <>
      <TextInput
        label={t('name')}
        description={t('nameHint')}
        maxLength={200}
        value={values.device_name}
        onChange={(event) => onChange({ device_name: event.currentTarget.value })}
        error={problem?.about('device_name')}
      />
      <Select
        label={t('typeLabel')}
        data={DEVICE_TYPES.map((type) => ({ value: type, label: t(`type.${type}`) }))}
        value={values.device_type}
        onChange={(type) => type && onChange({ device_type: type })}
        allowDeselect={false}
        error={problem?.about('device_type')}
      />
      <Unfetched query={layout} />
      <MultiSelect
        label={t('lanes')}
        description={t('lanesHint')}
        placeholder={values.lanes.length === 0 ? t('allLanes') : ''}
        data={lanes.map((lane) => ({ value: lane.lane_id, label: lane.lane_name }))}
        value={values.lanes}
        onChange={(chosen) => onChange({ lanes: chosen })}
        disabled={lanes.length === 0}
        error={problem?.about('lanes')}
      />
    </>
  );
}
