import { Alert, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import type { CurrentPlan, Layout } from '@/api/types';
import type { Format } from '@/i18n/format';
import { useNow } from '@/live/hooks';

type Override = NonNullable<CurrentPlan['override']>;

/** For which lane an override is, who has set it, when, and until when it runs. */
export function useOverrideFacts(
  override: Override | null | undefined,
  lanes: Layout['lanes'],
  format: Format,
): string[] {
  const { t } = useTranslation('junction');
  const now = useNow();
  if (!override) return [];
  const { username, override_start, expires_at, lane_id } = override;
  const lane = lanes.find((one) => one.lane_id === lane_id);
  const endsAt = expires_at ? clock.here(expires_at) : null;
  // Ages are reckoned by this machine's clock; what the server and the road do at a time they do by the server's.
  const there = now - clock.aheadMs();
  return [
    ...(lane ? [t('override.forLane', { lane: lane.lane_name })] : []),
    ...(username ? [t('override.by', { name: username })] : []),
    t('plan.from', { at: format.moment(override_start, there) }),
    ...(endsAt === null
      ? []
      : [
          endsAt <= now
            ? t('timeline.overdue')
            : t('override.left', {
                age: format.age((endsAt - now) / 1000),
                at: format.moment(endsAt - clock.aheadMs(), there),
              }),
        ]),
  ];
}

const ROAD = ['sent', 'pending', 'running', 'refused', 'replaced'] as const;

interface Props {
  override: Override;
  lanes: Layout['lanes'];
  format: Format;
}

/** The override that runs: what for, who, why, how long, and what the road says. */
export function ActiveOverride({ override, lanes, format }: Props) {
  const { t } = useTranslation('junction');
  const facts = useOverrideFacts(override, lanes, format);
  const road = ROAD.find((state) => state === override.road_state) ?? 'sent';
  const mode = override.mode === 'emergency' ? 'emergency' : 'manual_override';
  return (
    <Alert
      color={mode === 'emergency' || road === 'refused' ? 'red' : 'yellow'}
      role="group"
      // Who listens hears that it runs and what the road says, and not each second of it.
      title={<span role="alert">{t(`override.active.${mode}`)}</span>}
      data-testid="active-override"
    >
      <Stack gap={4}>
        {override.reason && <Text fw={600}>{override.reason}</Text>}
        <Text size="sm">{facts.join(' · ')}</Text>
        <Text size="sm" role="status" data-testid="road-state">
          {t('override.road')}: {t(`override.roadState.${road}`)}
          {override.road_reasons?.length ? <span lang="en">{` (${override.road_reasons.join('; ')})`}</span> : ''}
        </Text>
      </Stack>
    </Alert>
  );
}
