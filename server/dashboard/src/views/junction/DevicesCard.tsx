import { Anchor, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { clock } from '@/api/clock';
import type { Device } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { useNow } from '@/live/hooks';
import { ReaderState } from '@/views/devices/ReaderState';
import { type DeviceStatus, nameOf, type ReaderStatus, stateOf, troublesOf } from '@/views/devices/status';
import { StateBadge } from '@/views/devices/StateBadge';
import { isPresent, type Told } from './health';
import type { Present } from './useJunction';

/** A device, and what it said last. */
interface Shown {
  device: Device;
  told: Told | undefined;
}

/** A reader of a device; `now` is false where nobody knows any more how it does. */
interface ShownReader {
  device: Device;
  reader: ReaderStatus;
  now: boolean;
}

/** The devices of the junction and how they and their readers do. */
export function DevicesCard({ present }: { present: Present }) {
  const { t } = useTranslation('devices');
  const now = useNow(5000);
  return (
    <Section folds title={t('title')}>
      <Fetched query={present.devices}>
        {(devices) => {
          const shown = devices
            .filter((device) => !device.revoked_at)
            .map((device) => ({ device, told: present.told.find(({ deviceId }) => deviceId === device.device_id) }));
          if (shown.length === 0) return <Text c="dimmed">{t('none')}</Text>;
          return (
            <>
              <Devices shown={shown} now={now} />
              <Readers shown={shown} now={now} />
            </>
          );
        }}
      </Fetched>
    </Section>
  );
}

/** Whether what a device said is so at `now`; of one that is gone it is what it last told. */
const isKnown = ({ told }: Shown, now: number) => told !== undefined && isPresent(told, now);

const Old = ({ children }: { children: string }) => (
  <Text size="sm" c="dimmed">
    {children}
  </Text>
);

const statusOf = ({ told }: Shown) => told?.frame as DeviceStatus | undefined;

function DeviceLink({ device }: { device: Device }) {
  return (
    <Anchor component={Link} to={`/devices/${device.device_id}`} fw={600} size="sm">
      {nameOf(device)}
    </Anchor>
  );
}

function Devices({ shown, now }: { shown: readonly Shown[]; now: number }) {
  const { t } = useTranslation('devices');
  const format = useFormat();
  const columns: Column<Shown>[] = [
    {
      label: t('device'),
      cell: ({ device }) => (
        <Stack gap={0}>
          <DeviceLink device={device} />
          <Text size="xs" c="dimmed">
            {t(`type.${device.device_type as 'junction'}`)}
          </Text>
        </Stack>
      ),
    },
    { label: t('stateLabel'), cell: ({ device }) => <StateBadge state={stateOf(device, now)} /> },
    {
      label: t('lastHeard'),
      nowrap: true,
      cell: ({ device, told }) => {
        const at = told?.at ?? (device.last_heartbeat ? clock.here(device.last_heartbeat) : null);
        return at === null ? t('never') : t('ago', { ns: 'common', age: format.age((now - at) / 1000) });
      },
    },
    { label: t('version'), nowrap: true, cell: ({ device }) => device.software_version },
    {
      label: t('outbox'),
      cell: (row) => {
        const outbox = statusOf(row)?.outbox;
        if (!outbox) return null;
        const state = t('outboxFull', {
          count: outbox.rows,
          rows: format.number(outbox.rows),
          age: format.age(outbox.oldest_s),
        });
        return isKnown(row, now) ? state : <Old>{t('reader.lastTold', { state })}</Old>;
      },
    },
    {
      label: t('trouble'),
      cell: (row) => {
        const troubles = troublesOf(statusOf(row) ?? null);
        if (troubles.length === 0) return null;
        const state = troubles.map((trouble) => t(`troubles.${trouble}`)).join(' · ');
        if (!isKnown(row, now)) return <Old>{t('reader.lastTold', { state })}</Old>;
        return (
          <Text size="sm" c="var(--state-bad)">
            {state}
          </Text>
        );
      },
    },
  ];
  return <Rows label={t('title')} rows={shown} rowKey={({ device }) => device.device_id} columns={columns} />;
}

function Readers({ shown, now }: { shown: readonly Shown[]; now: number }) {
  const { t } = useTranslation('devices');
  const format = useFormat();
  const readers = shown.flatMap((row) =>
    (statusOf(row)?.readers ?? []).map((reader): ShownReader => ({
      device: row.device,
      reader,
      now: isKnown(row, now),
    })),
  );
  if (readers.length === 0) return null;
  const columns: Column<ShownReader>[] = [
    {
      label: t('reader.name'),
      cell: ({ reader }) => (
        <Text size="sm" fw={600}>
          {reader.name}
        </Text>
      ),
    },
    { label: t('device'), cell: ({ device }) => <DeviceLink device={device} /> },
    {
      label: t('stateLabel'),
      cell: ({ reader, now: known }) => <ReaderState reader={reader} now={known} />,
    },
    {
      label: t('reader.reads'),
      nowrap: true,
      cell: ({ reader, now: known }) => (known ? format.number(reader.reads_per_s, 1) : '–'),
    },
  ];
  return (
    <Rows
      label={t('readers')}
      rows={readers}
      rowKey={({ device, reader }) => `${device.device_id} ${reader.name}`}
      columns={columns}
    />
  );
}
