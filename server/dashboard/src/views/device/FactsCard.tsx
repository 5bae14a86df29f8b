import { Alert, Code, List, SimpleGrid, Stack, Text } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import type { Device, Layout } from '@/api/types';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import { type DeviceStatus, troublesOf } from '@/views/devices/status';

interface Props {
  device: Device;
  status: DeviceStatus | null;
  /** When it was last heard, milliseconds; null: not known. */
  at: number | null;
  /** It is there: what it says holds. */
  present: boolean;
  layout: Layout | undefined;
  now: number;
}

/** What a device is and says of itself, and what is wrong with it. */
export function FactsCard({ device, status, at, present, layout, now }: Props) {
  const { t } = useTranslation('devices');
  const format = useFormat(layout?.time_zone);
  const troubles = troublesOf(status);
  const holds = present && !device.revoked_at;
  const laneName = (id: string) => layout?.lanes.find((lane) => lane.lane_id === id)?.lane_name ?? id.slice(0, 8);
  const outbox = status?.outbox;
  const facts: [string, ReactNode][] = [
    [
      t('lastHeard'),
      at !== null || device.last_heartbeat
        ? t('ago', { ns: 'common', age: format.age((now - (at ?? clock.here(device.last_heartbeat ?? ''))) / 1000) })
        : t('never'),
    ],
    [t('version'), device.software_version],
    [t('uptime'), status?.uptime_s === undefined ? null : format.age(status.uptime_s)],
    [t('clock'), status?.clock && t(`clocks.${status.clock}`)],
    [
      t('outbox'),
      outbox &&
        t('outboxFull', { count: outbox.rows, rows: format.number(outbox.rows), age: format.age(outbox.oldest_s) }),
    ],
    [t('parked'), outbox && format.number(outbox.parked)],
    [t('dropped'), outbox && format.number(outbox.dropped)],
    [t('linkFailures'), status?.link && format.number(status.link.failures)],
    [t('lanes'), device.lanes.length === 0 ? t('allLanes') : device.lanes.map(laneName).join(', ')],
    [t('login'), t(device.enrolled ? 'logins.enrolled' : 'logins.none')],
    [t('certificateUntil'), device.certificate_until && format.fullTime(device.certificate_until)],
    [
      t('tokenUntil'),
      device.token_until && clock.here(device.token_until) > now ? format.fullTime(device.token_until) : null,
    ],
    [t('revokedAt'), device.revoked_at && format.fullTime(device.revoked_at)],
    [t('createdAt'), format.fullTime(device.created_at)],
    [t('id'), <Code key="id">{device.device_id}</Code>],
  ];
  return (
    <Section title={t('facts')} text={status && !present ? t('lastTold') : undefined}>
      {troubles.length > 0 && (
        <Alert
          color={holds ? 'red' : 'gray'}
          icon={<TriangleAlert size={18} aria-hidden />}
          title={t(holds ? 'trouble' : 'troubleThen')}
        >
          <List size="sm">
            {troubles.map((trouble) => (
              <List.Item key={trouble}>{t(`advice.${trouble}`)}</List.Item>
            ))}
            {status?.controller?.fault && <List.Item lang="en">{status.controller.fault}</List.Item>}
            {status?.link?.cause && <List.Item lang="en">{status.link.cause}</List.Item>}
          </List>
        </Alert>
      )}
      <SimpleGrid component="dl" cols={{ base: 2, sm: 3, lg: 4 }} spacing="md" verticalSpacing="sm" m={0}>
        {facts
          .filter(([, value]) => value !== null && value !== undefined && value !== '')
          .map(([name, value]) => (
            <Stack key={name} gap={0} style={{ overflowWrap: 'anywhere' }}>
              <Text component="dt" size="xs" c="dimmed">
                {name}
              </Text>
              <Text component="dd" size="sm" m={0}>
                {value}
              </Text>
            </Stack>
          ))}
      </SimpleGrid>
    </Section>
  );
}
