import { Button, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { Device } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { Refusal } from '@/components/Refusal';
import { DeviceFields, type DeviceValues } from '@/views/devices/DeviceFields';

interface Props {
  device: Device;
  opened: boolean;
  onClose: () => void;
}

/** Changes name, type and lanes of a device. */
export function EditDialog({ device, opened, onClose }: Props) {
  const { t } = useTranslation('devices');
  return (
    <Dialog form opened={opened} onClose={onClose} title={t('edit')}>
      <EditForm device={device} onDone={onClose} />
    </Dialog>
  );
}

function EditForm({ device, onDone }: { device: Device; onDone: () => void }) {
  const { t } = useTranslation('devices');
  const client = useQueryClient();
  const [values, setValues] = useState<DeviceValues>({
    device_name: device.device_name ?? '',
    device_type: device.device_type,
    lanes: device.lanes,
  });
  const change = useMutation({
    mutationFn: () =>
      data(
        api.PATCH('/api/devices/{device_id}', {
          params: { path: { device_id: device.device_id } },
          body: { ...values, device_name: values.device_name || null },
        }),
      ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['devices'] });
      onDone();
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Refusal error={change.error} shown={['device_name', 'device_type', 'lanes']} />
        <DeviceFields
          junctionId={device.junction_id}
          values={values}
          onChange={(more) => setValues((before) => ({ ...before, ...more }))}
          problem={change.error instanceof ProblemError ? change.error : null}
        />
        <Button type="submit" loading={change.isPending}>
          {t('save')}
        </Button>
      </Stack>
    </form>
  );
}
