import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { DeviceState } from './status';

const colors: Record<DeviceState, string> = {
  online: 'green',
  offline: 'red',
  fault: 'red',
  maintenance: 'yellow',
  revoked: 'gray',
  waiting: 'blue',
  unheard: 'gray',
};

/** State of a device, in a word. */
export function StateBadge({ state }: { state: DeviceState }) {
  const { t } = useTranslation('devices');
  const loud = state === 'offline' || state === 'fault' || state === 'maintenance';
  return (
    <Badge color={colors[state]} variant={loud ? 'filled' : 'outline'} autoContrast miw="max-content">
      {t(`state.${state}`)}
    </Badge>
  );
}
