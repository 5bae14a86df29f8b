import { Button, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Device } from '@/api/types';
import { type Column, Rows } from '@/components/list/Rows';
import { type Asked, Confirm } from '@/components/Confirm';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { ReaderState } from '@/views/devices/ReaderState';
import type { ReaderStatus } from '@/views/devices/status';
import { CommandResult } from './CommandResult';
import { useCommand } from './useCommand';

interface Props {
  device: Device;
  readers: readonly ReaderStatus[];
  /** The device is there: what it says of them holds. */
  present: boolean;
  mayRestart: boolean;
}

/** The readers of a device and how each does. */
export function ReadersCard({ device, readers, present, mayRestart }: Props) {
  const { t } = useTranslation('devices');
  const format = useFormat();
  const columns: Column<ReaderStatus>[] = [
    {
      label: t('reader.name'),
      cell: (reader) => (
        <Stack gap={0}>
          <Text size="sm" fw={600}>
            {reader.name}
          </Text>
          {reader.protocol && (
            <Text size="xs" c="dimmed">
              {reader.protocol}
              {reader.baud ? ` · ${format.number(reader.baud)} Bd` : ''}
            </Text>
          )}
        </Stack>
      ),
    },
    {
      label: t('stateLabel'),
      cell: (reader) => <ReaderState reader={reader} now={present} />,
    },
    {
      label: t('reader.reads'),
      nowrap: true,
      cell: (reader) => (present ? format.number(reader.reads_per_s, 1) : '–'),
    },
    { label: t('reader.badFrames'), nowrap: true, cell: (reader) => format.number(reader.bad_frames) },
    { label: t('reader.droppedBytes'), nowrap: true, cell: (reader) => format.number(reader.dropped_bytes) },
  ];
  const restart: Column<ReaderStatus> = {
    label: t('command.restart_reader'),
    cell: (reader) => <Restart deviceId={device.device_id} name={reader.name} />,
  };
  if (readers.length === 0 && device.device_type === 'light_controller') return null;
  return (
    <Section title={t('readers')}>
      <div>
        {readers.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t('reader.none')}
          </Text>
        ) : (
          <Rows
            label={t('readers')}
            rows={readers}
            rowKey={(reader) => reader.name}
            columns={mayRestart ? [...columns, restart] : columns}
          />
        )}
      </div>
    </Section>
  );
}

/** Restarts one reader; what came of it stands beside that. */
function Restart({ deviceId, name }: { deviceId: string; name: string }) {
  const { t } = useTranslation('devices');
  const command = useCommand(deviceId);
  const [asked, setAsked] = useState<Asked | null>(null);
  const ask = () =>
    setAsked({
      title: t('command.restart_reader'),
      text: t('sure.restart_reader', { name }),
      action: t('reader.restart'),
      harmless: true,
      run: () => command.mutateAsync({ type: 'restart_reader', name }),
    });
  return (
    <div>
      <Button
        size="compact-sm"
        variant="default"
        loading={command.isPending}
        onClick={ask}
        aria-label={`${t('command.restart_reader')}: ${name}`}
      >
        {t('reader.restart')}
      </Button>
      <CommandResult command={command} />
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </div>
  );
}
