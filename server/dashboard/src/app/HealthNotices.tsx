import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { HardDrive, Unplug } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { api } from '@/api/client';

/** Between looks, milliseconds. */
const AGAIN_MS = 15_000;

/** Says what the server lacks: room on the disk of its database, or the broker, by which it hears the junctions and they hear it. */
export function HealthNotices() {
  const { t } = useTranslation();
  const health = useQuery({
    queryKey: ['health'],
    queryFn: async ({ signal }) => {
      // A server that is not well says so with 503, and why.
      const { data, error } = await api.GET('/health', { signal });
      return data ?? error;
    },
    refetchInterval: AGAIN_MS,
  });
  return (
    <>
      {health.data?.detail && (
        <Alert
          color="red"
          mb="md"
          icon={<HardDrive size={18} aria-hidden />}
          role="alert"
          title={t('full.title')}
          data-testid="full"
        >
          <Text size="sm">{t('full.text')}</Text>
        </Alert>
      )}
      {health.data?.mqtt === 'disconnected' && (
        <Alert
          color="red"
          mb="md"
          icon={<Unplug size={18} aria-hidden />}
          role="alert"
          title={t('noBroker.title')}
          data-testid="no-broker"
        >
          <Text size="sm">{t('noBroker.text')}</Text>
        </Alert>
      )}
    </>
  );
}
