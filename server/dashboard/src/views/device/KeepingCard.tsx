import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { api, data } from '@/api/client';
import type { Device, DeviceWithToken } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { Dialog } from '@/components/Dialog';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { nameOf } from '@/views/devices/status';
import { TokenShown } from '@/views/devices/TokenShown';
import { EditDialog } from './EditDialog';

/** What administrators do with a device: change, replace, revoke, delete. */
export function KeepingCard({ device }: { device: Device }) {
  const { t } = useTranslation('devices');
  const client = useQueryClient();
  const navigate = useNavigate();
  const kept = useKeptFocus<HTMLDivElement>();
  const [editing, setEditing] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [made, setMade] = useState<DeviceWithToken | null>(null);
  const params = { path: { device_id: device.device_id } };
  const again = () => void client.invalidateQueries({ queryKey: ['devices'] });
  const name = nameOf(device);
  const replace: Asked = {
    title: t('replace'),
    text: t('sure.replace', { name }),
    action: t('replace'),
    run: async () =>
      setMade(await data(api.POST('/api/devices/{device_id}/replace', { params, body: { token_hours: 24 } }))),
    onDone: again,
  };
  const revoke: Asked = {
    title: t('revoke'),
    text: t('sure.revoke', { name }),
    action: t('revoke'),
    run: () => data(api.POST('/api/devices/{device_id}/revoke', { params })),
    onDone: again,
  };
  const remove: Asked = {
    title: t('delete'),
    text: t('sure.delete', { name }),
    action: t('delete'),
    run: () => data(api.DELETE('/api/devices/{device_id}', { params })),
    onDone: () => {
      client.removeQueries({ queryKey: ['devices', device.device_id] });
      again();
      void navigate('/devices');
    },
  };
  return (
    <Section title={t('keeping')} text={t('keepingText')}>
      <Group {...kept}>
        <Button variant="default" onClick={() => setEditing(true)}>
          {t('edit')}
        </Button>
        <Button variant="default" onClick={() => setAsked(replace)}>
          {t('replace')}
        </Button>
        {!device.revoked_at && (
          <Button variant="light" color="red" onClick={() => setAsked(revoke)}>
            {t('revoke')}
          </Button>
        )}
        <Button variant="light" color="red" onClick={() => setAsked(remove)}>
          {t('delete')}
        </Button>
      </Group>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
      <EditDialog device={device} opened={editing} onClose={() => setEditing(false)} />
      <Dialog opened={made !== null} onClose={() => setMade(null)} title={t('replaced')} sticky size="lg">
        {made && <TokenShown device={made} onKept={() => setMade(null)} />}
      </Dialog>
    </Section>
  );
}
