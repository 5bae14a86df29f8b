import { Button, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useMayOperate } from '@/api/me';
import type { Alarm } from '@/api/types';
import { Refusal } from '@/components/Refusal';
import { useKeptFocus } from '@/components/useKeptFocus';
import type { Format } from '@/i18n/format';

/** Who has taken notice of an alarm, or the button to do so. */
export function Acknowledge({ alarm, format }: { alarm: Alarm; format: Format }) {
  const { t } = useTranslation('alarms');
  const client = useQueryClient();
  const mayOperate = useMayOperate(alarm.junction_id ?? '');
  const acknowledge = useMutation({
    mutationFn: () =>
      data(api.POST('/api/alarms/{alarm_id}/acknowledge', { params: { path: { alarm_id: alarm.alarm_id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['alarms'] }),
  });
  const kept = useKeptFocus<HTMLDivElement>();
  if (alarm.acknowledged_at) {
    const [name, at] = [alarm.acknowledged_by, format.dateTime(alarm.acknowledged_at)];
    return (
      <Text size="sm" component="div" {...kept}>
        {name ? t('noticed', { name, at }) : at}
      </Text>
    );
  }
  if (!mayOperate || alarm.closed_at) return null;
  return (
    <Stack gap={4} align="flex-start" {...kept}>
      <Button size="compact-sm" variant="default" loading={acknowledge.isPending} onClick={() => acknowledge.mutate()}>
        {t('acknowledge')}
      </Button>
      <Refusal error={acknowledge.error} />
    </Stack>
  );
}
