import { Button, Code, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { api, page } from '@/api/client';
import { useJunctionNames } from '@/api/junctions';
import { Listing } from '@/components/list/Listing';
import { PAGE, usePages } from '@/components/list/usePages';
import { useRowTimes } from '@/components/list/useRowTimes';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';

interface Props {
  onAdopt: (deviceId: string, junctionId: string | null) => void;
}

/** Who sends without being assigned to the junction that it names. */
export function UnknownSenders({ onAdopt }: Props) {
  const { t } = useTranslation('devices');
  const format = useFormat();
  const junctionName = useJunctionNames();
  const senders = usePages(
    ['devices', 'unknown'],
    (cursor, signal) => page(api.GET('/api/devices/unknown', { params: { query: { limit: PAGE, cursor } }, signal })),
    { refetchInterval: 30_000 },
  );
  const times = useRowTimes(senders.data);
  const kept = useKeptFocus<HTMLDivElement>();
  return (
    <Stack gap="sm" {...kept}>
      <Listing
        query={senders}
        label={t('unknown.title')}
        empty={t('unknown.none')}
        rowKey={(sender) => sender.device_id + (sender.junction_id ?? '')}
        columns={[
          {
            label: t('unknown.sender'),
            cell: (sender) => (
              <Stack gap={2} align="flex-start">
                <Code>{sender.device_id}</Code>
                <Text size="xs" c="dimmed" lang="en">
                  {sender.detail}
                </Text>
              </Stack>
            ),
          },
          {
            label: t('junction'),
            nowrap: true,
            cell: (sender) => sender.junction_id && junctionName(sender.junction_id),
          },
          { label: t('unknown.messages'), cell: (sender) => format.number(sender.messages) },
          { label: t('unknown.last'), nowrap: true, cell: (sender) => times(sender).dateTime(sender.last_at) },
          {
            label: t('unknown.act'),
            act: true,
            cell: (sender) => (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => onAdopt(sender.device_id, sender.junction_id ?? null)}
                aria-label={t('unknown.adoptOne', { id: sender.device_id })}
              >
                {t('unknown.adopt')}
              </Button>
            ),
          },
        ]}
      />
    </Stack>
  );
}
