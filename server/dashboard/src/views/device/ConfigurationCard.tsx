import { Alert, Group, List, Text } from '@mantine/core';
import { CircleCheck } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import type { DeviceWithDifferences } from '@/api/types';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { TomlButton } from '@/views/devices/TokenShown';

interface Props {
  device: DeviceWithDifferences;
  isAdmin: boolean;
  zone: string | undefined;
}

/** How the device's own configuration differs from what the server plans with. */
export function ConfigurationCard({ device, isAdmin, zone }: Props) {
  const { t } = useTranslation('devices');
  const format = useFormat(zone);
  const differences = device.config_differences;
  return (
    <Section
      title={t('config.title')}
      text={device.config_at ? t('config.at', { at: format.fullTime(device.config_at) }) : undefined}
    >
      {!differences && (
        <Text size="sm" c="dimmed">
          {t('config.none')}
        </Text>
      )}
      {differences?.length === 0 && (
        <Group gap="xs">
          <CircleCheck size={18} color="var(--state-good)" aria-hidden />
          <Text size="sm">{t('config.same')}</Text>
        </Group>
      )}
      {differences && differences.length > 0 && (
        <Alert color="yellow" title={t('config.differs', { count: differences.length })}>
          <Text size="sm" mb="xs">
            {t('config.rules')}
          </Text>
          <List size="sm">
            {differences.map((difference) => (
              <List.Item key={difference} lang="en">
                {difference}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {isAdmin && (
        <Group>
          <TomlButton junctionId={device.junction_id} deviceId={device.device_id} />
        </Group>
      )}
    </Section>
  );
}
