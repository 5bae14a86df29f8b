import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { HardDrive } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { api } from '@/api/client';

/** Between looks, milliseconds. */
const AGAIN_MS = 60_000;

/** Says that the disk of the database is full: what is shown is right, but gets no newer, and nothing can be changed. */
export function FullNotice() {
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
  if (!health.data?.detail) return null;
  return (
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
  );
}
