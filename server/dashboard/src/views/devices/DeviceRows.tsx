import { Anchor, Stack, Text } from '@mantine/core';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { clock } from '@/api/clock';
import { useJunctionNames } from '@/api/junctions';
import type { Device } from '@/api/types';
import { type Column, Rows } from '@/components/list/Rows';
import { useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { StateBadge } from './StateBadge';
import { nameOf, stateOf, statusOf, troublesOf } from './status';

/** Devices, a line each: how they are and what is wrong. A line is drawn anew when its device has told something; only its age goes on by itself. */
export function DeviceRows({ devices }: { devices: readonly Device[] }) {
  const { t } = useTranslation('devices');
  const format = useFormat();
  const junctionName = useJunctionNames();
  const columns = useMemo<Column<Device>[]>(
    () => [
      {
        label: t('device'),
        cell: (device) => (
          <Stack gap={0}>
            <Anchor component={Link} to={`/devices/${device.device_id}`} fw={600}>
              {nameOf(device)}
            </Anchor>
            <Text size="xs" c="dimmed">
              {t(`type.${device.device_type as 'junction'}`)}
            </Text>
          </Stack>
        ),
      },
      {
        label: t('junction'),
        cell: (device) => (
          <Anchor component={Link} to={`/junctions/${device.junction_id}`} size="sm">
            {junctionName(device.junction_id)}
          </Anchor>
        ),
      },
      {
        label: t('stateLabel'),
        cell: (device) => <State device={device} />,
      },
      {
        label: t('readers'),
        nowrap: true,
        cell: (device) => {
          const readers = statusOf(device)?.readers;
          if (!readers?.length) return null;
          const up = readers.filter((reader) => reader.state === 'up').length;
          return <Told device={device}>{t('readersUp', { up, all: readers.length })}</Told>;
        },
      },
      {
        label: t('outbox'),
        cell: (device) => {
          const outbox = statusOf(device)?.outbox;
          return outbox && <Told device={device}>{t('rows', { rows: format.number(outbox.rows) })}</Told>;
        },
      },
      { label: t('version'), nowrap: true, cell: (device) => device.software_version },
      {
        label: t('trouble'),
        cell: (device) => {
          const troubles = troublesOf(statusOf(device));
          return troubles.length === 0 ? null : (
            <Text size="sm" c={device.online ? 'var(--state-bad)' : 'dimmed'}>
              {troubles.map((trouble) => t(`troubles.${trouble}`)).join(' · ')}
            </Text>
          );
        },
      },
    ],
    [t, format, junctionName],
  );
  return <Rows label={t('title')} rows={devices} rowKey={(device) => device.device_id} columns={columns} />;
}

const Badge = memo(StateBadge);

/** How a device is, and how long ago it was heard. */
function State({ device }: { device: Device }) {
  const { t } = useTranslation('common');
  const format = useFormat();
  const now = useNow(5000);
  return (
    <Stack gap={2} align="flex-start">
      <Badge state={stateOf(device, now)} />
      {device.last_heartbeat && (
        <Text size="xs" c="dimmed">
          {t('ago', { age: format.age((now - clock.here(device.last_heartbeat)) / 1000) })}
        </Text>
      )}
    </Stack>
  );
}

/** What a device says; of one that is gone what it last told, marked as such. */
function Told({ device, children }: { device: Device; children: string }) {
  const { t } = useTranslation('devices');
  if (device.online) return children;
  return (
    <Text span size="sm" c="dimmed">
      {t('reader.lastTold', { state: children })}
    </Text>
  );
}
