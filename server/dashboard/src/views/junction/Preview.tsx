import { Group, Paper, Skeleton, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { AsOf } from '@/components/AsOf';
import { Fact } from '@/components/Fact';
import { Refusal } from '@/components/Refusal';
import { useFormat } from '@/i18n/format';
import classes from './Junction.module.css';

interface Props {
  junctionId: string;
  stages: { stage: string; green_s: number }[];
}

/** After the last change, before the server is asked, milliseconds. */
const PAUSE_MS = 400;
/** What it is reckoned from is asked for again, milliseconds: the demand changes while somebody thinks. */
const AGAIN_MS = 30_000;
/** Less than this is no difference to a driver, seconds per vehicle. */
const NOTABLE_S = 0.5;

/** What greens would cost the present demand, beside the running plan. Nothing is sent to the junction. */
export function Preview({ junctionId, stages }: Props) {
  const { t } = useTranslation('junction');
  const format = useFormat();
  const wanted = JSON.stringify(stages);
  const [settled] = useDebouncedValue(wanted, PAUSE_MS);
  const preview = useQuery({
    queryKey: ['junction', junctionId, 'preview', settled],
    queryFn: ({ signal }) =>
      data(
        api.POST('/api/junctions/{junction_id}/plans/preview', {
          params: { path: { junction_id: junctionId } },
          body: { mode: 'manual_override', stages: JSON.parse(settled) as Props['stages'] },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    retry: false,
    refetchInterval: AGAIN_MS,
  });
  if (preview.error && !preview.data) return <Refusal error={preview.error} retry={() => void preview.refetch()} />;
  if (!preview.data) return <Skeleton height={96} />;
  // What is shown is still about the greens before.
  const stale = settled !== wanted || preview.isPlaceholderData;
  const { plan, running } = preview.data;
  const [now, then] = [running?.predicted?.mean_s, plan.predicted.mean_s];
  const difference = now == null || then == null ? null : then - now;
  const mean = (value: number | null | undefined) =>
    value == null ? t('notKnown', { ns: 'common' }) : t('plan.perVehicle', { seconds: format.seconds(value, 1) });
  return (
    <>
      <AsOf query={preview} />
      <Paper withBorder p="sm" data-testid="preview" aria-live="polite" aria-busy={stale} opacity={stale ? 0.4 : 1}>
        <Text size="sm" c="dimmed">
          {t('override.cycle', { seconds: format.seconds(plan.total_cycle_time) })}
        </Text>
        <Text size="sm" fw={600} mt={4}>
          {t('override.preview')}
        </Text>
        <Group gap="4px 32px" mt={4} align="flex-end">
          <Fact name={t('override.previewRunning')} value={mean(now)} />
          <Fact name={t('override.previewNew')} value={mean(then)} />
          {difference !== null && (
            <Text
              className={Math.abs(difference) < NOTABLE_S ? undefined : difference < 0 ? classes.good : classes.bad}
            >
              {Math.abs(difference) < NOTABLE_S
                ? t('override.same')
                : t(difference < 0 ? 'override.better' : 'override.worse', {
                    seconds: format.seconds(Math.abs(difference), 1),
                  })}
            </Text>
          )}
        </Group>
        {then == null && (
          <Text size="sm" c="dimmed" mt={4}>
            {t('override.noDemand')}
          </Text>
        )}
      </Paper>
    </>
  );
}
