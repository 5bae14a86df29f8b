import { Anchor, Stack, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { clock } from '@/api/clock';
import { useJunctionNames } from '@/api/junctions';
import type { Device } from '@/api/types';
import { type Column, Rows } from '@/components/list/Rows';
import { type Format, useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { StateBadge } from './StateBadge';
import { nameOf, stateOf, statusOf, troublesOf } from './status';

/** How often ages go on, milliseconds. */
const AGES_MS = 5000;

const idOf = (device: Device) => device.device_id;

/** Devices, a line each: how they are and what is wrong. A line is drawn anew when its device has told something; only its age goes on by itself. */
export const DeviceRows = memo(function DeviceRows({ devices }: { devices: readonly Device[] }) {
  const { t } = useTranslation('devices');
  const { t: common } = useTranslation();
  const format = useFormat();
  const junctionName = useJunctionNames();
  const columns = useMemo<Column<Device>[]>(() => {
    /** What a device says; of one that is gone what it last told, marked as such. */
    const told = (device: Device, words: string) =>
      device.online ? (
        words
      ) : (
        <Text span size="sm" c="dimmed">
          {t('reader.lastTold', { state: words })}
        </Text>
      );
    return [
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
        cell: (device) => (
          <Stack gap={2} align="flex-start">
            <State device={device} />
            {device.last_heartbeat && (
              <Text size="xs" c="dimmed">
                <Age since={clock.here(device.last_heartbeat)} t={common} format={format} />
              </Text>
            )}
          </Stack>
        ),
      },
      {
        label: t('readers'),
        nowrap: true,
        cell: (device) => {
          const readers = statusOf(device)?.readers;
          if (!readers?.length) return null;
          const up = readers.filter((reader) => reader.state === 'up').length;
          return told(device, t('readersUp', { up, all: readers.length }));
        },
      },
      {
        label: t('outbox'),
        cell: (device) => {
          const outbox = statusOf(device)?.outbox;
          return outbox && told(device, t('rows', { count: outbox.rows, rows: format.number(outbox.rows) }));
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
    ];
  }, [t, common, format, junctionName]);
  return <Rows label={t('title')} rows={devices} rowKey={idOf} columns={columns} />;
});

const Badge = memo(StateBadge);

/** How a device is: the time alone decides it where one waits to be enrolled. */
function State({ device }: { device: Device }) {
  return <Badge state={stateOf(device, useNow(AGES_MS))} />;
}

/** How long ago a device was heard. A hundred of them go on at once: each is a text and nothing else, and asks nobody for words. */
function Age({ since, t, format }: { since: number; t: TFunction; format: Format }) {
  return t('ago', { age: format.age((useNow(AGES_MS) - since) / 1000) });
}
