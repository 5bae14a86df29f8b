import { Button, NumberInput, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { ProblemError } from '@/api/problem';
import type { DeviceWithToken } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { JunctionSelect } from '@/components/list/JunctionSelect';
import { Refusal } from '@/components/Refusal';
import { DeviceFields } from './DeviceFields';
import { TokenShown } from './TokenShown';

interface Start {
  /** Id of a sender that is to become a device. */
  deviceId?: string;
  junctionId?: string | null;
}

/** Creates a device, then shows its one-time token. */
export function EnrolDialog({ opened, onClose, ...start }: Start & { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('devices');
  const [made, setMade] = useState<DeviceWithToken | null>(null);
  const close = () => {
    setMade(null);
    onClose();
  };
  const title = made ? t('made') : start.deviceId ? t('unknown.adopt') : t('add');
  return (
    <Dialog form opened={opened} onClose={close} title={title} sticky={made !== null} size="lg">
      {made ? <TokenShown device={made} onKept={close} /> : <EnrolForm {...start} onMade={setMade} />}
    </Dialog>
  );
}

const SHOWN = ['junction_id', 'device_id', 'device_name', 'device_type', 'lanes', 'token_hours'];

function EnrolForm({ deviceId = '', junctionId, onMade }: Start & { onMade: (device: DeviceWithToken) => void }) {
  const { t } = useTranslation('devices');
  const client = useQueryClient();
  const [junction, setJunction] = useState(junctionId ?? null);
  const [id, setId] = useState(deviceId);
  const [hours, setHours] = useState<number | string>(24);
  const [values, setValues] = useState({ device_name: '', device_type: 'junction', lanes: [] as string[] });
  const create = useMutation({
    mutationFn: () =>
      data(
        api.POST('/api/devices', {
          body: {
            ...values,
            device_name: values.device_name || null,
            junction_id: junction ?? '',
            device_id: id.trim() || null,
            token_hours: Number(hours),
          },
        }),
      ),
    onSuccess: (device) => {
      void client.invalidateQueries({ queryKey: ['devices'] });
      onMade(device);
    },
  });
  const problem = create.error instanceof ProblemError ? create.error : null;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Refusal error={create.error} shown={SHOWN} />
        <JunctionSelect value={junction} onChange={setJunction} required error={problem?.about('junction_id')} />
        <DeviceFields
          junctionId={junction}
          values={values}
          onChange={(change) => setValues((before) => ({ ...before, ...change }))}
          problem={problem}
        />
        <TextInput
          label={t('id')}
          description={t('idHint')}
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
          error={problem?.about('device_id')}
        />
        <NumberInput
          label={t('tokenHours')}
          min={1}
          max={720}
          allowDecimal={false}
          value={hours}
          onChange={setHours}
          error={problem?.about('token_hours')}
        />
        <Button type="submit" loading={create.isPending} disabled={junction === null}>
          {t('create')}
        </Button>
      </Stack>
    </form>
  );
}
