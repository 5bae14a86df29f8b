import { Button, Group, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Wrench } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import type { Device } from '@/api/types';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';

/** Somebody works at the device, or has done so. */
export function MaintenanceCard({ device }: { device: Device }) {
  const { t } = useTranslation('devices');
  const client = useQueryClient();
  const under = device.status === 'maintenance';
  const change = useMutation({
    mutationFn: (maintenance: boolean) =>
      data(
        api.PATCH('/api/devices/{device_id}', {
          params: { path: { device_id: device.device_id } },
          body: { maintenance },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ['devices'] }),
  });
  return (
    <Section title={t('maintenance.title')} text={t(under ? 'maintenance.under' : 'maintenance.text')}>
      <Stack>
        <Refusal error={change.error} />
        <Group>
          <Button
            variant="default"
            leftSection={<Wrench size={16} aria-hidden />}
            loading={change.isPending}
            onClick={() => change.mutate(!under)}
          >
            {t(under ? 'maintenance.end' : 'maintenance.begin')}
          </Button>
        </Group>
      </Stack>
    </Section>
  );
}
