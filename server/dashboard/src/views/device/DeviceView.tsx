import { Anchor, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { api, data } from '@/api/client';
import { useJunctionNames, useLayout } from '@/api/junctions';
import { useMayOperate, useMe } from '@/api/me';
import type { DeviceWithDifferences } from '@/api/types';
import { BackLink } from '@/components/BackLink';
import { Fetched } from '@/components/Fetched';
import { PageTitle } from '@/components/PageTitle';
import { useJunctionLive, useNow } from '@/live/hooks';
import { type DeviceStatus, nameOf, stateOf, statusOf } from '@/views/devices/status';
import { StateBadge } from '@/views/devices/StateBadge';
import { isPresent, toldBy } from '@/views/junction/health';
import { CommandsCard } from './CommandsCard';
import { ConfigurationCard } from './ConfigurationCard';
import { FactsCard } from './FactsCard';
import { KeepingCard } from './KeepingCard';
import { MaintenanceCard } from './MaintenanceCard';
import { ReadersCard } from './ReadersCard';

/** Statuses come every 30 s, milliseconds. */
const AGAIN_MS = 15_000;

/** A device: how it is, and what can be done with it. */
export function DeviceView() {
  const { t } = useTranslation('devices');
  const { deviceId = '' } = useParams();
  const device = useQuery({
    queryKey: ['devices', deviceId],
    queryFn: ({ signal }) =>
      data(api.GET('/api/devices/{device_id}', { params: { path: { device_id: deviceId } }, signal })),
    refetchInterval: AGAIN_MS,
  });
  return (
    <Stack>
      <BackLink to="/devices" text={t('title')} />
      <Fetched whole query={device} height={320}>
        {(found) => <Shown device={found} fetchedAt={device.dataUpdatedAt} />}
      </Fetched>
    </Stack>
  );
}

function Shown({ device, fetchedAt }: { device: DeviceWithDifferences; fetchedAt: number }) {
  const { t } = useTranslation('devices');
  const me = useMe();
  const mayOperate = useMayOperate(device.junction_id);
  const layout = useLayout(device.junction_id);
  const junctionName = useJunctionNames();
  const now = useNow(5000);
  const heard = useJunctionLive(device.junction_id).devices;
  const told = toldBy([device], fetchedAt, heard).find(({ deviceId }) => deviceId === device.device_id);
  const status = (told?.frame as DeviceStatus | undefined) ?? statusOf(device);
  const present = told !== undefined && isPresent(told, now);
  const isAdmin = me.data?.is_admin ?? false;
  return (
    <>
      <Group justify="space-between">
        <Stack gap={0}>
          <PageTitle>{nameOf(device)}</PageTitle>
          <Text size="sm" c="dimmed">
            {t(`type.${device.device_type as 'junction'}`)} ·{' '}
            <Anchor component={Link} to={`/junctions/${device.junction_id}`} underline="always">
              {junctionName(device.junction_id)}
            </Anchor>
          </Text>
        </Stack>
        <StateBadge state={stateOf(device, now)} />
      </Group>
      <FactsCard
        device={device}
        status={status}
        at={told?.at ?? null}
        present={present}
        layout={layout.data}
        now={now}
      />
      <ReadersCard
        device={device}
        readers={status?.readers ?? []}
        present={present}
        mayRestart={mayOperate && !device.revoked_at}
      />
      <ConfigurationCard device={device} isAdmin={isAdmin} zone={layout.data?.time_zone} />
      {mayOperate && !device.revoked_at && <CommandsCard deviceId={device.device_id} isAdmin={isAdmin} />}
      {mayOperate && !device.revoked_at && <MaintenanceCard device={device} />}
      {isAdmin && <KeepingCard device={device} />}
    </>
  );
}
